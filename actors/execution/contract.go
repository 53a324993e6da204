package execution

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// runner runs contracts for one transaction on the block's overlay.
func (x *executor) runner(tx *ledger.Transaction, party *ledger.PartyRecord, id ledger.Hash) *contracts.Runner {
	r := &contracts.Runner{Modules: x.chain.modules, Store: x.overlay, Call: wasm.Call{
		Caller: string(tx.Party), Organisation: party.Organisation, Height: x.header.Height, Time: x.header.Time,
		Attributes: attributes(party), CommandID: tx.Command, TxID: id,
	}, Organisation: organisationOf, Trace: x.trace}
	if log := x.chain.logger; log != nil {
		r.Log = func(contract string, level uint8, text string) {
			log.Log(context.Background(), slog.LevelDebug, text, "contract", contract, "level", level, "height", x.header.Height, "tx", id.Short())
		}
	}
	return r
}

// attributes are those of a party's record, by name.
func attributes(party *ledger.PartyRecord) []wasm.Attribute {
	var out []wasm.Attribute
	for _, name := range slices.Sorted(maps.Keys(party.Attributes)) {
		out = append(out, wasm.Attribute{Name: name, Value: party.Attributes[name]})
	}
	return out
}

// organisationOf is where a party is registered, empty when it is not.
func organisationOf(store contracts.Getter, p ledger.Party) (string, error) {
	record, err := partyIn(store, p)
	if err != nil || record == nil {
		return "", err
	}
	return record.Organisation, nil
}

// gas is a transaction's limit, and what its size costs of it beforehand.
func (x *executor) gas(tx *ledger.Transaction, size int) (limit, base uint64) {
	limit = x.chain.limits.GasTransaction
	if tx.GasLimit != 0 {
		limit = min(limit, tx.GasLimit)
	}
	return limit, gasBase + gasPerByte*uint64(size) // #nosec G115 -- a length
}

// contract calls a deployed contract.
func (x *executor) contract(tx *ledger.Transaction, party *ledger.PartyRecord, r *ledger.Result) error {
	limit, base := x.gas(tx, len(tx.Args))
	if base > limit {
		r.Status, r.GasUsed, r.Message = ledger.StatusOutOfGas, limit, fmt.Sprintf("the gas limit of %d is used up", limit)
		return nil
	}
	run := x.runner(tx, party, r.TxID)
	o, err := x.chain.shadow.Run(run, tx.Contract, tx.Method, tx.Args, limit-base)
	var unknown *contracts.Unknown
	if errors.As(err, &unknown) {
		r.Status, r.GasUsed, r.Message = ledger.StatusUnknownContract, base, unknown.Error()
		return nil
	}
	if err != nil {
		return err
	}
	ended(r, o, base, limit)
	r.Events = run.Events()
	return nil
}

// StatusOf is a call's status as results carry it.
func StatusOf(o wasm.Outcome) ledger.Status {
	switch {
	case o.Status == wasm.OK:
		return ledger.StatusOK
	case o.Status == wasm.Failed && o.Code == contracts.CodeUnknownMethod:
		return ledger.StatusUnknownMethod
	case o.Status == wasm.Failed:
		return ledger.StatusContractError
	case o.Status == wasm.OutOfGas:
		return ledger.StatusOutOfGas
	}
	return ledger.StatusTrapped
}

// ended writes a call's outcome into the result.
func ended(r *ledger.Result, o wasm.Outcome, base, limit uint64) {
	r.Status, r.GasUsed, r.Code, r.Message, r.Output = StatusOf(o), base+o.GasUsed, o.Code, o.Message, o.Output
	switch r.Status {
	case ledger.StatusUnknownMethod:
		r.Code = 0
	case ledger.StatusOutOfGas:
		r.GasUsed = limit
		r.Message = fmt.Sprintf("the gas limit of %d is used up", limit)
	}
}

// gasPerCodeByte is the price of a module's byte: it is checked, compiled and
// stored by everyone. The largest module costs less than half of the default limit.
const gasPerCodeByte = 6

// deploy enters a contract: the module is judged, stored, and its init called as
// the deployer.
func (x *executor) deploy(tx *ledger.Transaction, party *ledger.PartyRecord, r *ledger.Result) error {
	d, ok := readDeployment(tx, party, r)
	if !ok {
		return nil
	}
	old, err := contracts.Find(x.overlay, d.Name)
	if err != nil {
		return err
	}
	if old != nil {
		return refuse(r, "a contract %q is deployed already, at height %d; choose another name, or upgrade it", d.Name, old.Height)
	}
	record := &contracts.Record{Name: d.Name, Deployer: tx.Party, Organisation: party.Organisation, Height: x.header.Height}
	return x.install(tx, party, record, d, contracts.MethodInit, r)
}

// upgrade replaces a contract's module: the new one is judged and stored, and its migrate
// called as the one who upgrades. The state stays as it is but for what migrate changes.
func (x *executor) upgrade(tx *ledger.Transaction, party *ledger.PartyRecord, r *ledger.Result) error {
	d, ok := readDeployment(tx, party, r)
	if !ok {
		return nil
	}
	record, err := contracts.Find(x.overlay, d.Name)
	if err != nil {
		return err
	}
	hash := wasm.HashCode(d.Code)
	switch {
	case record == nil:
		return refuse(r, "there is no contract %q to upgrade; deploy it", d.Name)
	case record.Organisation != party.Organisation:
		return refuse(r, "contract %s was deployed by organisation %s; ask an administrator there to upgrade it", d.Name, record.Organisation)
	case string(record.Code) == string(hash[:]):
		return refuse(r, "contract %s has this module already", d.Name)
	}
	record.Before, record.Upgraded = record.Code, x.header.Height
	record.Upgrades++
	return x.install(tx, party, record, d, contracts.MethodMigrate, r)
}

func refuse(r *ledger.Result, format string, args ...any) error {
	r.Status, r.Message = ledger.StatusRefused, cutMessage(fmt.Sprintf(format, args...))
	return nil
}

// readDeployment reads what deploy and upgrade take; when it is not well, r says why.
func readDeployment(tx *ledger.Transaction, party *ledger.PartyRecord, r *ledger.Result) (*ledger.Deployment, bool) {
	if !party.Admin {
		_ = refuse(r, "%s is no administrator; ask one of organisation %s to %s", party.Party, party.Organisation, tx.Method)
		return nil, false
	}
	d, err := ledger.ParseDeployment(tx.Args)
	if err == nil && d.Name == SystemContract {
		err = fmt.Errorf("the name %q belongs to the built-in contract", d.Name)
	}
	if err != nil {
		_ = refuse(r, "%v", err)
	}
	return d, err == nil
}

// install stores a module under a contract's record, compiles it, and calls the method
// that readies the state for it.
func (x *executor) install(tx *ledger.Transaction, party *ledger.PartyRecord, record *contracts.Record, d *ledger.Deployment, method string, r *ledger.Result) error {
	limit, base := x.gas(tx, 0)
	base += gasPerCodeByte * uint64(len(d.Code))
	if base > limit {
		r.Status, r.GasUsed, r.Message = ledger.StatusOutOfGas, limit, fmt.Sprintf("the gas limit of %d is used up", limit)
		return nil
	}
	r.GasUsed = base
	hash := wasm.HashCode(d.Code)
	record.Code, record.Bytes = hash[:], len(d.Code)
	if err := contracts.Save(x.overlay, record, x.overlay.from, d.Code); err != nil {
		return err
	}
	run := x.runner(tx, party, r.TxID)
	err := x.chain.shadow.Check(run, record)
	var refusal *module.Refusal
	if errors.As(err, &refusal) {
		return refuse(r, "%s", refusal.Agreed())
	}
	var o wasm.Outcome
	if err == nil && d.Initialise { // from here on a refusal would be one of a module that was accepted: a fault of this replica
		o, err = x.chain.shadow.Execute(run, record, method, d.Init, limit-base)
	}
	if err != nil {
		return err
	}
	ended(r, o, base, limit)
	if r.Status != ledger.StatusOK {
		r.Message = cutMessage(method + ": " + r.Message)
	}
	r.Events = run.Events()
	return nil
}

// cutMessage keeps a message within the result's limit, at a rune's end.
func cutMessage(s string) string {
	if len(s) > ledger.MessageBytesMax {
		s = s[:ledger.MessageBytesMax]
	}
	return strings.ToValidUTF8(s, "")
}
