package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// helpTimeout is how long help waits for the ledger before it does without.
const helpTimeout = 5 * time.Second

// helpFromSchema lets `invoke CONTRACT METHOD --help` tell about the method, by the
// schema of the deployed contract.
func helpFromSchema(c *cobra.Command, f *flags) {
	general := c.HelpFunc()
	c.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		names := cmd.Flags().Args()
		if len(names) == 0 {
			general(cmd, args)
			return
		}
		if err := f.methodHelp(cmd, names); err != nil {
			general(cmd, args)
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "\nHelp about contract %s is not there: %s\n", names[0], printableLines(err.Error()))
		}
	})
}

func (f *flags) methodHelp(cmd *cobra.Command, names []string) error {
	if err := f.applyContext(cmd); err != nil {
		return err
	}
	f.timeout = min(f.timeout, helpTimeout)
	c, err := f.connect(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	_, s, err := contractOf(cmd.Context(), c, names[0])
	if err != nil {
		return err
	}
	if s == nil {
		return errors.New("it was deployed without a schema")
	}
	out := cmd.OutOrStdout()
	if len(names) == 1 {
		return contractHelp(out, cmd.Name(), names[0], s)
	}
	m, err := s.Method(names[1])
	if err != nil {
		return err
	}
	return describeMethod(out, cmd, names[0], s, m)
}

// contractHelp lists the methods.
func contractHelp(w io.Writer, command, contract string, s *schema.Schema) error {
	rows := [][]string{}
	for _, m := range s.Methods {
		rows = append(rows, []string{"  " + m.Name, m.Doc})
	}
	_, err := fmt.Fprintf(w, "%s\n\nMethods:\n", printable(s.Doc))
	if err == nil {
		err = table(w, rows)
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "\n`concordat %s %s METHOD --help` tells what one takes.\n", command, contract)
	}
	return err
}

// describeMethod is the help of one method. A field whose name a flag of the command has
// can only be given as name=value.
func describeMethod(w io.Writer, cmd *cobra.Command, contract string, s *schema.Schema, m *schema.Method) error {
	usage := []string{"concordat", cmd.Name(), contract, m.Name}
	rows := [][]string{}
	for i := range m.In {
		before, between := "--", " "
		if name := m.In[i].Name; name == "help" || cmd.Flag(name) != nil {
			before, between = "", "="
		}
		flag := before + m.In[i].Name + between + strings.ToUpper(string(m.In[i].Type))
		if m.In[i].Optional {
			flag = "[" + flag + "]"
		}
		usage = append(usage, flag)
		row := fieldRow(before, &m.In[i])
		row[0] += strings.TrimSpace(between)
		rows = append(rows, row)
	}
	rows = append(rows, structRows(s, m.In)...)
	text := fmt.Sprintf("%s\n\nUsage:\n  %s\n", printable(m.Doc), strings.Join(usage, " "))
	if len(rows) > 0 {
		text += "\nArguments, also as name=value:\n"
	}
	if _, err := io.WriteString(w, strings.TrimPrefix(text, "\n\n")); err != nil {
		return fmt.Errorf("write the help: %w", err)
	}
	if err := table(w, rows); err != nil || len(m.Out) == 0 {
		return err
	}
	if _, err := io.WriteString(w, "\nGives:\n"); err != nil {
		return fmt.Errorf("write the help: %w", err)
	}
	rows = nil
	for i := range m.Out {
		rows = append(rows, fieldRow("", &m.Out[i]))
	}
	return table(w, append(rows, structRows(s, m.Out)...))
}

func fieldRow(before string, f *schema.Field) []string {
	words := f.Words()
	if f.Optional {
		words += "; may be left out"
	}
	return []string{"  " + before + f.Name, words, f.Doc}
}

// structRows tell about the types of the contract's own that fields have.
func structRows(s *schema.Schema, fields []schema.Field) [][]string {
	var rows [][]string
	for i := range fields {
		t := s.Struct(fields[i].Type)
		if t == nil {
			continue
		}
		rows = append(rows, []string{"  " + t.Name + ":", t.Doc, ""})
		for k := range t.Fields {
			rows = append(rows, fieldRow("  ", &t.Fields[k]))
		}
		rows = append(rows, structRows(s, t.Fields)...)
	}
	return rows
}
