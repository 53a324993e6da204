package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/scaffold"
)

func contractNew(f *flags) *cobra.Command {
	var language string
	c := &cobra.Command{Use: "new NAME", Short: "Start a contract in a new folder", Args: cobra.ExactArgs(1),
		Long: `Makes a folder with a small contract (promises to pay), its tests, a client and a
script for CI. A copy of the SDK is in it, so nothing is fetched from anywhere.`,
		Example: "  concordat contract new iou --lang go && cd iou && go test ./... && concordat contract build && concordat contract deploy",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := scaffold.New(args[0], filepath.Base(args[0]), language)
			if errors.Is(err, scaffold.ErrName) || errors.Is(err, scaffold.ErrBuiltIn) || errors.Is(err, scaffold.ErrTaken) || errors.Is(err, scaffold.ErrLanguage) {
				return &exitError{code: exitUsage, err: err}
			}
			if err != nil {
				return err
			}
			slices.Sort(files)
			v := struct {
				Folder string   `json:"folder"`
				Files  []string `json:"files"`
			}{args[0], files}
			return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error {
				test := map[string]string{"go": "go test ./...", "rust": "cargo test"}[language]
				for _, file := range files {
					if _, err := fmt.Fprintln(w, filepath.Join(args[0], file)); err != nil {
						return fmt.Errorf("write the list: %w", err)
					}
				}
				_, err := fmt.Fprintf(w, "\nnext:\n  cd %s\n  %s\n  concordat contract build\n  concordat contract deploy\n", quoted(args[0]), test)
				return err
			})
		}}
	c.Flags().StringVar(&language, "lang", "go", "language: go or rust")
	_ = c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(scaffold.Languages, cobra.ShellCompDirectiveNoFileComp)) // fails only for a flag that is not there
	return c
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.IndexFunc(path, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+@,", r)
	}) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func contractGenerate() *cobra.Command {
	return &cobra.Command{Use: "generate [FOLDER]", Short: "Write the code that a contract in Go declares", Args: cobra.MaximumNArgs(1),
		Long: `Writes concordat_gen.go, with the byte form of each message and the list of methods,
by the comments that begin with //concordat:. contract build does it too.`,
		Example: "  concordat contract generate",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			c, written, err := build.Generate(dir)
			switch {
			case err != nil:
				return err
			case c == nil:
				return fmt.Errorf("the sources in %s declare nothing; write //concordat:method above a method, see docs/contracts.md", dir)
			case written == "":
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "it is current")
			default:
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "wrote", written)
			}
			return err
		}}
}
