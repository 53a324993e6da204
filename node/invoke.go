package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/node/config"
)

// invoked is what `invoke` prints.
type invoked struct {
	ID       string `json:"id"`
	Height   uint64 `json:"height"`
	Index    uint32 `json:"index"`
	Status   string `json:"status"`
	Code     uint32 `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
	GasUsed  uint64 `json:"gas_used"`
	Output   string `json:"output,omitempty"`
	Repeated bool   `json:"repeated,omitempty"`
	Verified bool   `json:"verified"`
}

func invokeCommand(f *flags) *cobra.Command {
	var args, command, save string
	var validity time.Duration
	c := &cobra.Command{Use: "invoke CONTRACT METHOD", Short: "Submit a transaction and wait for its verified receipt", Args: cobra.ExactArgs(2),
		Example: "  concordat invoke concordat note --args hello --as alice@org0 --save hello.receipt",
		RunE: func(cmd *cobra.Command, names []string) error {
			signer, err := f.signer()
			if err != nil {
				return err
			}
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			env := signer.Sign(c.LedgerID(), client.Call{Contract: names[0], Method: names[1], Args: []byte(args), Command: []byte(command), Validity: validity})
			s, err := c.Submit(cmd.Context(), env)
			if err != nil {
				return err
			}
			if save != "" {
				if err := os.WriteFile(save, s.Raw, 0o600); err != nil {
					return fmt.Errorf("save the receipt: %w", err)
				}
			}
			return finishInvoke(cmd, f, s)
		}}
	c.Flags().StringVar(&args, "args", "", "the method's arguments, as they are")
	c.Flags().StringVar(&command, "command-id", "", "makes a retry safe: the same id is executed at most once; random when empty")
	c.Flags().StringVar(&save, "save", "", "file for the receipt")
	c.Flags().DurationVar(&validity, "validity", time.Minute, "how long the transaction may wait for its block")
	return c
}

func finishInvoke(cmd *cobra.Command, f *flags, s *client.Submitted) error {
	r := s.Receipt
	v := invoked{ID: r.Result.TxID.String(), Height: uint64(r.Header.Height), Index: r.Index, Status: r.Result.Status.String(),
		Code: r.Result.Code, Message: r.Result.Message, GasUsed: r.Result.GasUsed, Output: string(r.Result.Output), Repeated: s.Repeated, Verified: true}
	err := f.render(cmd.OutOrStdout(), v, func(w io.Writer) error {
		return table(w, [][]string{{"transaction", v.ID}, {"place", fmt.Sprintf("block %d, transaction %d", v.Height, v.Index)},
			{"status", v.Status}, {"message", v.Message}, {"gas", strconv.FormatUint(v.GasUsed, 10)}, {"receipt", "verified"}})
	})
	if err != nil {
		return err
	}
	switch r.Result.Status {
	case ledger.StatusOK:
		return nil
	case ledger.StatusContractError:
		return &exitError{exitContract, fmt.Errorf("the contract returned error %d: %s", r.Result.Code, r.Result.Message)}
	default:
		return &exitError{exitRefused, fmt.Errorf("%s: %s", r.Result.Status, r.Result.Message)}
	}
}

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
	c.AddCommand(fresh, list)
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
