package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// deployTimeout is the least time to wait for a deployment: every replica compiles
// the module, which takes half a second for 2 MB on a fast machine that is idle.
const deployTimeout = time.Minute

func contractDeploy(f *flags) *cobra.Command {
	var noInit bool
	var command string
	c := &cobra.Command{Use: "deploy [NAME [FILE]] [--field value…] [name=value…]", Short: "Deploy a module under a name", Args: cobra.ArbitraryArgs,
		Long: `Deploys a module and calls its method init with the given arguments, in one
transaction. Without a name it is the folder's, and without a file what contract
build made of that name. Only an administrator of an organisation may deploy: it
is admin of one's own, unless --as names another. The program carries two modules:
example:token-go and example:token-rust.`,
		Example: "  concordat contract deploy\n  concordat contract deploy token token.wasm symbol=EUR --as admin@org0\n  concordat contract deploy token example:token-rust symbol=EUR --as admin@org0",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, file, pairs, err := whatToDeploy(args)
			if err != nil {
				return err
			}
			code, info, err := readModule(file)
			if err != nil {
				return err
			}
			d, now, err := deployment(name, code, info, pairs, !noInit)
			if err != nil {
				return err
			}
			f.asAdministrator(cmd)
			signer, err := f.signer()
			if err != nil {
				return err
			}
			f.timeout = max(f.timeout, deployTimeout)
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			s, err := submit(cmd, c, signer, client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal(), Command: []byte(command)})
			if err != nil {
				return err
			}
			err = finishInvoke(cmd, f, s, calledOn(cmd.Context(), c, name, "", now))
			var known *exitError
			if s.Receipt.Result.Status == ledger.StatusUnknownMethod && errors.As(err, &known) {
				known.hint = "the module has no method init; --no-init deploys it without"
			}
			return err
		}}
	c.Flags().BoolVar(&noInit, "no-init", false, "do not call init")
	c.Flags().StringVar(&command, "command-id", "", "makes a retry safe; random when empty")
	return c
}

// deployment encodes the arguments of init by the module's schema, which it returns.
func deployment(name string, code []byte, info *module.Info, pairs []string, initialise bool) (*ledger.Deployment, *schema.Schema, error) {
	d := &ledger.Deployment{Name: name, Code: code}
	if !ledger.ValidContractName(name) {
		return nil, nil, &exitError{code: exitUsage, err: fmt.Errorf("%q is no contract name; a-z, 0-9 and - are allowed, the first a letter, at most 32", name)}
	}
	if err := deployable(code); err != nil {
		return nil, nil, err
	}
	if info.Schema == nil {
		if len(pairs) > 0 {
			return nil, nil, errors.New("the module has no schema, so arguments by name cannot be encoded; build it with one")
		}
		d.Initialise = initialise
		return d, nil, nil
	}
	s, err := schema.Parse(info.Schema)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.Method("init"); err != nil && len(pairs) > 0 {
		return nil, nil, &exitError{code: exitUsage, err: fmt.Errorf("the module has no method init that would take %s", pairs[0])}
	} else if err != nil || !initialise {
		return d, s, nil
	}
	d.Initialise = true
	d.Init, err = s.ArgsFromPairs("init", pairs)
	return d, s, err
}

// deploymentRoom is what a deployment holds beside the module: its name, signature and the
// like. The arguments of init come on top.
const deploymentRoom = 1 << 10

// deployable refuses a module that no transaction has room for; the engine would take it.
func deployable(code []byte) error {
	if most := ledger.EnvelopeBytesMax - deploymentRoom; len(code) > most {
		return &exitError{code: exitRefused, err: fmt.Errorf("the module has %d bytes, and a transaction that deploys one has room for %d; leave out what the contract does not need", len(code), most)}
	}
	return nil
}

// folderName is the name that a contract has when it is given none.
func folderName(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the folder: %w", err)
	}
	return filepath.Base(abs), nil
}

// whatToDeploy finds name and file in front of the arguments of init.
func whatToDeploy(args []string) (name, file string, pairs []string, err error) {
	for len(args) > 0 && file == "" && !strings.Contains(args[0], "=") {
		if name == "" {
			name = args[0]
		} else {
			file = args[0]
		}
		args = args[1:]
	}
	if name == "" {
		if name, err = folderName("."); err != nil {
			return "", "", nil, err
		}
		if !ledger.ValidContractName(name) {
			return "", "", nil, &exitError{code: exitUsage, err: fmt.Errorf("the folder's name %q is no name of a contract; give one and the file: concordat contract deploy NAME %s.wasm", name, name)}
		}
	}
	if file == "" {
		file = name + ".wasm"
		if _, err := os.Stat(file); err != nil {
			return "", "", nil, fmt.Errorf("there is no %s here; `concordat contract build` makes it, or name a file", file)
		}
	}
	return name, file, args, nil
}

// asAdministrator makes the administrator of one's organisation the signer, unless
// somebody is named.
func (f *flags) asAdministrator(cmd *cobra.Command) {
	_, organisation, ok := strings.Cut(f.as, "@")
	if !ok || cmd.Flags().Changed("as") {
		return
	}
	admin := "admin@" + organisation
	if _, err := os.Stat(filepath.Join(f.dir, "keys", admin+".key")); err == nil {
		f.as = admin
	}
}
