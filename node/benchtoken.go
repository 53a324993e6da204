package main

import (
	"context"
	"fmt"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/bench"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// benchSupply is what the load may spend, one unit a transfer.
const benchSupply = "1000000000000"

// benchToken deploys the example token for a load of transfers, unless it is
// there, and gives the payer units.
func benchToken(ctx context.Context, url, language string, admin, payer client.Signer, opt *bench.Options) error {
	code := map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust}[language]
	if code == nil {
		return fmt.Errorf("there is no example token in %q; there are go and rust", language)
	}
	c, err := client.Connect(ctx, client.Options{URL: url, Name: "bench"})
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := schema.Parse(examples.TokenSchema)
	if err != nil {
		return err
	}
	name := "bench-" + language
	submit := func(contract, method string, args []byte) error {
		done, err := c.Submit(ctx, admin.Sign(c.LedgerID(), client.Call{Contract: contract, Method: method, Args: args}))
		if err != nil {
			return err
		}
		if r := done.Receipt.Result; r.Status != ledger.StatusOK {
			return fmt.Errorf("prepare the load: %s.%s: %s: %s", contract, method, r.Status, r.Message)
		}
		return nil
	}
	if _, _, err := contractOf(ctx, c, name); err != nil {
		init, err := s.ArgsFromPairs("init", []string{"symbol=BENCH", "minter=" + string(admin.Party)})
		if err != nil {
			return err
		}
		d := ledger.Deployment{Name: name, Code: code, Init: init, Initialise: true}
		if err := submit(client.SystemContract, "deploy", d.Marshal()); err != nil {
			return err
		}
	}
	mint, err := s.ArgsFromPairs("mint", []string{"to=" + string(payer.Party), "amount=" + benchSupply})
	if err != nil {
		return err
	}
	if err := submit(name, "mint", mint); err != nil {
		return err
	}
	opt.Contract, opt.Method = name, "transfer"
	opt.Args = func(fill []byte) ([]byte, error) {
		return s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1", "memo=" + string(fill)})
	}
	return nil
}
