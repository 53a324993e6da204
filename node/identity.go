package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/node/config"
)

func identityCommand(f *flags) *cobra.Command {
	fresh := &cobra.Command{Use: "new PARTY", Short: "Draw a key for a party and print its public key", Args: cobra.ExactArgs(1),
		Example: "  concordat identity new carol@org0 --dir ./ledger",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.dir == "" {
				return errors.New("name the folder that keeps the keys with --dir")
			}
			if err := ledger.Party(args[0]).Validate(); err != nil {
				return err
			}
			return newIdentity(cmd, f, args[0])
		}}
	list := &cobra.Command{Use: "list", Short: "The parties whose keys are in the folder", Args: cobra.NoArgs,
		Example: "  concordat identity list --dir ./ledger",
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := config.Keys(f.dir)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), names, func(w io.Writer) error {
				for _, n := range names {
					_, _ = fmt.Fprintln(w, n)
				}
				return nil
			})
		}}
	c := &cobra.Command{Use: "identity", Short: "Keys of parties"}
	c.AddCommand(fresh, list, identityRegister(f))
	return c
}

func newIdentity(cmd *cobra.Command, f *flags, party string) error {
	key, err := config.NewKey(f.dir, party)
	if err != nil {
		return err
	}
	public := key.Public()
	v := map[string]string{"party": party, "public_key": fmt.Sprintf("%x", public[:]), "fingerprint": signature.PublicKey(public).Fingerprint()}
	return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error {
		return table(w, [][]string{{"party", party}, {"public key", v["public_key"]}})
	})
}

func identityRegister(f *flags) *cobra.Command {
	var organisation, command string
	c := &cobra.Command{Use: "register PARTY", Short: "Enter a party's public key in the ledger, as an administrator", Args: cobra.ExactArgs(1),
		Example: "  concordat identity new carol@org0 && concordat identity register carol@org0 --as admin@org0",
		RunE: func(cmd *cobra.Command, args []string) error {
			signer, err := f.signer()
			if err != nil {
				return err
			}
			if err := ledger.Party(args[0]).Validate(); err != nil { // it becomes a file's name
				return &exitError{code: exitUsage, err: err}
			}
			key, err := f.keyOf(args[0], "`concordat identity new "+args[0]+"` draws one")
			if err != nil {
				return err
			}
			if organisation == "" {
				_, organisation, _ = strings.Cut(args[0], "@")
			}
			public := key.Public()
			record, err := json.Marshal(ledger.PartyRecord{Party: ledger.Party(args[0]), Organisation: organisation, PublicKey: public[:]})
			if err != nil {
				return fmt.Errorf("encode the party: %w", err)
			}
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			s, err := submit(cmd, c, signer, client.Call{Contract: client.SystemContract, Method: "register_party", Args: record, Command: []byte(command)})
			if err != nil {
				return err
			}
			return finishInvoke(cmd, f, s, nil)
		}}
	c.Flags().StringVar(&command, "command-id", "", "makes a retry safe; random when empty")
	c.Flags().StringVar(&organisation, "organisation", "", "the party's; what follows its @ when empty")
	return c
}
