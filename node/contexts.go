package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"
)

// profile is what a context stands for: a ledger, and who one is there.
type profile struct {
	URL string `yaml:"url,omitempty" json:"url,omitempty"`
	Dir string `yaml:"dir,omitempty" json:"dir,omitempty"`
	As  string `yaml:"as,omitempty" json:"as,omitempty"`
}

// profiles is the file that keeps contexts.
type profiles struct {
	Current  string             `yaml:"current,omitempty" json:"current,omitempty"`
	Contexts map[string]profile `yaml:"contexts" json:"contexts"`
}

func contextsFile() (string, error) {
	if file := os.Getenv("CONCORDAT_CONFIG"); file != "" {
		return file, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for contexts: %w; name a file with CONCORDAT_CONFIG", err)
	}
	return filepath.Join(dir, "concordat", "contexts.yaml"), nil
}

func loadProfiles() (*profiles, error) {
	p := &profiles{Contexts: map[string]profile{}}
	file, err := contextsFile()
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(file) // #nosec G304 -- the user's own file
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	if err := yaml.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("read the contexts in %s: %w", file, err)
	}
	if p.Contexts == nil {
		p.Contexts = map[string]profile{}
	}
	return p, nil
}

func (p *profiles) save() error {
	file, err := contextsFile()
	if err != nil {
		return err
	}
	raw, err := yaml.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make the folder for contexts: %w", err)
	}
	if err := renameio.WriteFile(file, raw, 0o600); err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return nil
}

// applyContext fills what neither a flag nor the environment says.
func (f *flags) applyContext(cmd *cobra.Command) error {
	p, err := loadProfiles()
	if err != nil {
		return err
	}
	name := f.context
	if name == "" {
		name = p.Current
	}
	if name == "" {
		return nil
	}
	c, ok := p.Contexts[name]
	if !ok {
		return fmt.Errorf("there is no context %q; `concordat context list` shows those there are", name)
	}
	for flag, value := range map[string]struct{ env, value string }{
		"url": {"CONCORDAT_URL", c.URL}, "dir": {"CONCORDAT_DIR", c.Dir}, "as": {"", c.As},
	} {
		if value.value == "" || cmd.Flags().Changed(flag) || value.env != "" && os.Getenv(value.env) != "" {
			continue
		}
		if err := cmd.Flags().Set(flag, value.value); err != nil {
			return fmt.Errorf("use context %s: %w", name, err)
		}
	}
	return nil
}

func contextCommand(f *flags) *cobra.Command {
	set := &cobra.Command{Use: "set NAME", Short: "Keep --url, --dir and --as under a name, and use it", Args: cobra.ExactArgs(1),
		Example: "  concordat context set test --url nats://10.0.0.5:4222 --dir ~/ledger --as alice@org0",
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := loadProfiles()
			if err != nil {
				return err
			}
			p.Contexts[args[0]], p.Current = profile{f.url, f.dir, f.as}, args[0]
			return p.save()
		}}
	use := &cobra.Command{Use: "use NAME", Short: "Use a context from now on", Args: cobra.ExactArgs(1), Example: "  concordat context use test",
		ValidArgsFunction: completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := loadProfiles()
			if err != nil {
				return err
			}
			if _, ok := p.Contexts[args[0]]; !ok {
				return fmt.Errorf("there is no context %q; `concordat context list` shows those there are", args[0])
			}
			p.Current = args[0]
			return p.save()
		}}
	remove := &cobra.Command{Use: "remove NAME", Short: "Forget a context", Args: cobra.ExactArgs(1), ValidArgsFunction: completeContexts,
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := loadProfiles()
			if err != nil {
				return err
			}
			delete(p.Contexts, args[0])
			if p.Current == args[0] {
				p.Current = ""
			}
			return p.save()
		}}
	list := &cobra.Command{Use: "list", Short: "The contexts", Args: cobra.NoArgs, Example: "  concordat context list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := loadProfiles()
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), p, func(w io.Writer) error {
				rows := [][]string{{"", "NAME", "URL", "FOLDER", "PARTY"}}
				for _, name := range slices.Sorted(maps.Keys(p.Contexts)) {
					mark := ""
					if name == p.Current {
						mark = "*"
					}
					c := p.Contexts[name]
					rows = append(rows, []string{mark, name, c.URL, c.Dir, c.As})
				}
				return table(w, rows)
			})
		}}
	c := &cobra.Command{Use: "context", Short: "Names for ledgers and for who one is there"}
	c.AddCommand(set, use, list, remove)
	return c
}

func completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := loadProfiles()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return slices.Sorted(maps.Keys(p.Contexts)), cobra.ShellCompDirectiveNoFileComp
}
