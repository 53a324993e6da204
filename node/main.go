// Command concordat runs and uses a Concordat ledger.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program, whatever it waits for
	root := newRoot()
	root.SetArgs(fieldsAsPairs(root, os.Args[1:]))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return
	}
	text, hint, code := explain(err)
	fmt.Fprintln(os.Stderr, "concordat:", printableLines(text)) // a contract's words may be in it
	if hint != "" {
		fmt.Fprintln(os.Stderr, "hint:", printableLines(hint))
	}
	stop()
	os.Exit(code)
}
