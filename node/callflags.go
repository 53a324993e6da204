package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takesFields are the commands behind whose two first arguments the fields of a
// contract's method may stand as flags.
var takesFields = []string{"invoke", "query", "deploy", "upgrade"}

// fieldsAsPairs turns flags that a command does not have into arguments for the
// contract: --to bob@org1 is to=bob@org1. Which fields there are, only the deployed
// contract's schema knows. A flag of the command's own keeps its meaning; a field
// of that name is given as name=value.
func fieldsAsPairs(root *cobra.Command, args []string) []string {
	cmd, _, err := root.Find(args)
	if err != nil || !slices.Contains(takesFields, cmd.Name()) {
		return args
	}
	var out []string
	depth := strings.Count(cmd.CommandPath(), " ") // words of the command itself
	words := -depth
	if cmd.Name() == "deploy" { // which may find name and file itself
		words += 2
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(out, args[i:]...)
		}
		name, value, given := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		switch flag := flagOf(cmd, arg); {
		case !strings.HasPrefix(arg, "-"):
			words++
			out = append(out, arg)
		case flag != nil && !strings.Contains(arg, "=") && flag.NoOptDefVal == "" && i+1 < len(args):
			out = append(out, arg, args[i+1])
			i++
		case flag != nil || words < 2 || !strings.HasPrefix(arg, "--") || name == "help" || name == "":
			out = append(out, arg)
		case given:
			out = append(out, strings.ReplaceAll(name, "-", "_")+"="+value)
		case i+1 < len(args) && !strings.HasPrefix(args[i+1], "--"):
			out = append(out, strings.ReplaceAll(name, "-", "_")+"="+args[i+1])
			i++
		default:
			out = append(out, strings.ReplaceAll(name, "-", "_")+"=true")
		}
	}
	return out
}

// flagOf is the command's own flag that an argument names; nil when there is none.
func flagOf(cmd *cobra.Command, arg string) *pflag.Flag {
	if name, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, _ = strings.Cut(name, "=")
		return cmd.Flag(name)
	}
	if len(arg) == 2 && arg[0] == '-' {
		var found *pflag.Flag
		for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.InheritedFlags()} {
			if f := set.ShorthandLookup(arg[1:]); f != nil {
				found = f
			}
		}
		return found
	}
	return nil
}
