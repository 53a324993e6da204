package main

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
)

// defaultValidity is how long a transaction may wait for its block.
const defaultValidity = time.Minute

// submit signs a call and waits for its verified receipt. The command id is always one
// that can be given again, for who was told no outcome needs it.
func submit(cmd *cobra.Command, c *client.Client, signer client.Signer, call client.Call) (*client.Submitted, error) {
	if len(call.Command) == 0 {
		var id [16]byte
		_, _ = rand.Read(id[:]) // crypto/rand.Read never fails
		call.Command = hex.AppendEncode(nil, id[:])
	}
	call.Validity = cmp.Or(call.Validity, defaultValidity)
	until := time.Now().Add(call.Validity)
	envelope := signer.Sign(c.LedgerID(), call)
	s, err := c.Submit(cmd.Context(), envelope)
	if !errors.Is(err, client.ErrUnknownOutcome) {
		return s, err
	}
	return nil, &exitError{code: exitUnknown, err: err, hint: unknownHint(envelope, string(call.Command), until)}
}

// unknownHint says how to learn what came of a transaction. Once it is no longer valid,
// its command counts as new, and repeating it could do it twice.
func unknownHint(envelope []byte, command string, until time.Time) string {
	id := ""
	if env, err := ledger.ParseEnvelope(envelope); err == nil {
		id = ledger.TransactionID(env.Payload).String()
	}
	return fmt.Sprintf("before %s run the same with --command-id %q, which does it once at most; after that, `concordat tx show %s` tells whether it was done",
		until.Format("15:04:05"), command, id)
}

// withheld is how the message begins that stands for one which tells of private records.
const withheld = "the message is withheld"

// replayHint is the next step after a failure that the receipt says little about.
func replayHint(r *ledger.Result, as string) string {
	command := fmt.Sprintf("`concordat tx replay %s --as %s`", r.TxID, as)
	switch {
	case r.Status == ledger.StatusTrapped:
		return command + " tells what the contract did until then, with what it logged"
	case r.Status == ledger.StatusContractError && len(r.Message) >= len(withheld) && r.Message[:len(withheld)] == withheld:
		return command + " tells it to who may read those records"
	}
	return ""
}
