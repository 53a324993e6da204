package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// strict gives everything that is wrong with arguments the exit code of usage, and says how
// the command is used. Without it a group would answer a command that it does not have with
// its help, and success.
func strict(c *cobra.Command) {
	for _, sub := range c.Commands() {
		strict(sub)
	}
	check := c.Args
	if c.HasSubCommands() && !c.Runnable() {
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		c.DisableFlagsInUseLine = true
		check = unknown
	}
	if check == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		switch {
		case err == nil:
			return nil
		case cmd.HasSubCommands():
			return &exitError{code: exitUsage, err: err}
		}
		return &exitError{code: exitUsage, err: fmt.Errorf("%w; it is used as: %s", err, cmd.UseLine())}
	}
}

// unknown refuses the arguments of a group.
func unknown(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2 // letters
	near := ""
	if like := c.SuggestionsFor(args[0]); len(like) > 0 {
		near = "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return fmt.Errorf("there is no command %q in %q%s", args[0], c.CommandPath(), near)
}
