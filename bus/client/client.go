// Package client is the ledger as an application sees it: submit, status and
// lookups over a client node's service, with every receipt verified.
package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// Options of a connection.
type Options struct {
	URL       string        // of the client node's server for applications
	LedgerID  ledger.ID     // zero: believe the node's status at the first use
	LedgerKey []byte        // likewise
	Timeout   time.Duration // of one request; 0: 10 s
	Name      string
	Verified  *verify.Cache // shared by several clients, so that a block is verified once; nil: an own one
}

// Client is safe for concurrent use.
type Client struct {
	opt   Options
	conn  *nats.Conn
	cache *verify.Cache
}

// ErrUnknownOutcome means that a transaction was sent and nothing was heard: it
// may or may not be executed. Submit it again with the same command id.
var ErrUnknownOutcome = errors.New("the outcome is unknown; submit again with the same command id")

// ErrUnreachable means that the client node does not answer.
var ErrUnreachable = errors.New("the client node cannot be reached")

// RefusedError says why a request was not accepted. Nothing was executed.
type RefusedError struct {
	Refusal    ledgerpb.Refusal
	Message    string
	RetryAfter time.Duration // 0: trying again will not help
}

func (e *RefusedError) Error() string { return e.Message }

// Connect reaches the client node, and learns the ledger's id and key from it
// unless they are given.
func Connect(ctx context.Context, opt Options) (*Client, error) {
	if opt.Timeout == 0 {
		opt.Timeout = 10 * time.Second
	}
	conn, err := dial(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, opt.URL, err)
	}
	c := &Client{opt: opt, conn: conn, cache: opt.Verified}
	if c.cache == nil {
		c.cache = &verify.Cache{}
	}
	if !opt.LedgerID.IsZero() && len(opt.LedgerKey) > 0 {
		return c, nil
	}
	st, err := c.Status(ctx)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if c.opt.LedgerID, err = ledger.ParseHash(st.GetLedgerId()); err == nil {
		c.opt.LedgerKey, err = hex.DecodeString(st.GetLedgerKey())
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("read the ledger's identity: %w", err)
	}
	return c, nil
}

// dial connects, or gives up when ctx ends: the library itself waits for its timeout, to
// which the goroutine that is left behind lives on at most.
func dial(ctx context.Context, opt Options) (*nats.Conn, error) {
	type outcome struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		conn, err := nats.Connect(opt.URL, nats.Name(opt.Name), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.Timeout(opt.Timeout))
		done <- outcome{conn, err}
	}()
	select {
	case o := <-done:
		return o.conn, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.err == nil {
				o.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// LedgerID is the ledger that receipts are verified for.
func (c *Client) LedgerID() ledger.ID { return c.opt.LedgerID }

// LedgerKey is the key that receipts are verified under.
func (c *Client) LedgerKey() []byte { return c.opt.LedgerKey }

// Submitted is a transaction's verified outcome.
type Submitted struct {
	Receipt  *ledger.Receipt
	Raw      []byte // the receipt's bytes, to be kept
	Repeated bool   // the command had been executed before; this is its first result
}

// Submit orders and executes a signed transaction. Errors: *RefusedError,
// ErrUnknownOutcome, ErrUnreachable, or one of package verify when the receipt
// does not hold.
func (c *Client) Submit(ctx context.Context, envelope []byte) (*Submitted, error) {
	env, err := ledger.ParseEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	tx, err := ledger.ParseTransaction(env.Payload)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("nothing was sent: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	req := &ledgerpb.SubmitRequest{Envelope: envelope}
	if deadline, ok := ctx.Deadline(); ok {
		req.TimeoutMs = uint32(min(max(time.Until(deadline).Milliseconds(), 1), 120_000)) // #nosec G115 -- clamped
	}
	var reply ledgerpb.SubmitReply
	if err := c.call(ctx, "submit", req, &reply); err != nil {
		if unheard(err) {
			return nil, ErrUnknownOutcome
		}
		return nil, err
	}
	if e := reply.GetError(); e != nil {
		return nil, refused(e)
	}
	r, err := ledger.ParseReceipt(reply.GetReceipt())
	if err != nil {
		return nil, err
	}
	repeated := reply.GetResult().GetRepeated()
	if !r.Result.Answers(ledger.TransactionID(env.Payload), tx) {
		return nil, fmt.Errorf("%w: it is of another transaction", verify.ErrResult)
	}
	if err := c.cache.Receipt(c.opt.LedgerID, c.opt.LedgerKey, r); err != nil {
		return nil, err
	}
	return &Submitted{Receipt: r, Raw: reply.GetReceipt(), Repeated: repeated}, nil
}

// unheard tells whether a request may have arrived though no answer came: time ran out,
// the caller gave up waiting, or the connection ended.
func unheard(err error) bool {
	for _, one := range []error{context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrConnectionClosed} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// Status tells how the ledger stands.
func (c *Client) Status(ctx context.Context) (*ledgerpb.StatusReply, error) {
	var reply ledgerpb.StatusReply
	if err := c.call(ctx, "status", &ledgerpb.StatusRequest{}, &reply); err != nil {
		return nil, err
	}
	if e := reply.GetError(); e != nil {
		return nil, refused(e)
	}
	return &reply, nil
}

// Lookup reads blocks, transactions and receipts.
func (c *Client) Lookup(ctx context.Context, req *ledgerpb.LookupRequest) (*ledgerpb.LookupReply, error) {
	var reply ledgerpb.LookupReply
	if err := c.call(ctx, "lookup", req, &reply); err != nil {
		return nil, err
	}
	if e := reply.GetError(); e != nil {
		return nil, refused(e)
	}
	return &reply, nil
}

// Query runs a contract's method on the newest state of one replica, which is not
// proven: what must be believed without trusting it comes as a receipt.
func (c *Client) Query(ctx context.Context, req *ledgerpb.QueryRequest) (*ledgerpb.QueryReply, error) {
	var reply ledgerpb.QueryReply
	if err := c.call(ctx, "query", req, &reply); err != nil {
		return nil, err
	}
	if e := reply.GetError(); e != nil {
		return nil, refused(e)
	}
	return &reply, nil
}

func (c *Client) call(ctx context.Context, endpoint string, req, reply proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	body, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	msg, err := c.conn.RequestWithContext(ctx, "concordat."+endpoint, body)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: nobody offers the service at %s", ErrUnreachable, c.opt.URL)
	case err != nil:
		return fmt.Errorf("ask the client node for %s: %w", endpoint, err)
	}
	if text := msg.Header.Get("Nats-Service-Error"); text != "" {
		return fmt.Errorf("ask the client node for %s: %s", endpoint, text)
	}
	if err := proto.Unmarshal(msg.Data, reply); err != nil {
		return fmt.Errorf("read the client node's reply: %w", err)
	}
	return nil
}

func refused(e *ledgerpb.Error) error {
	if e.GetRefusal() == ledgerpb.Refusal_REFUSAL_UNKNOWN_OUTCOME {
		return ErrUnknownOutcome
	}
	return &RefusedError{Refusal: e.GetRefusal(), Message: e.GetMessage(), RetryAfter: time.Duration(e.GetRetryAfterMs()) * time.Millisecond}
}

// Signer signs transactions for a party.
type Signer struct {
	Party ledger.Party
	Key   signature.PrivateKey
}

// SystemContract is the name of the built-in contract.
const SystemContract = "concordat"

// CodeHash names a contract's module: the SHA-256 of its bytes.
func CodeHash(code []byte) ledger.Hash { return sha256.Sum256(code) }

// Call is what a transaction asks for.
type Call struct {
	Contract, Method string
	Args             []byte
	Command          []byte        // empty: a random one
	Validity         time.Duration // 0: one minute
	GasLimit         uint64
}

// Sign makes an envelope for a ledger.
func (s Signer) Sign(id ledger.ID, call Call) []byte {
	if len(call.Command) == 0 {
		call.Command = make([]byte, 16)
		_, _ = rand.Read(call.Command) // crypto/rand.Read never fails
	}
	if call.Validity == 0 {
		call.Validity = time.Minute
	}
	tx := ledger.Transaction{Ledger: id, Party: s.Party, Command: call.Command, Contract: call.Contract, Method: call.Method,
		Args: call.Args, ValidUntil: ledger.TimeFromStd(time.Now().Add(call.Validity)), GasLimit: call.GasLimit}
	payload := tx.Marshal()
	e := ledger.Envelope{Payload: payload, PublicKey: s.Key.Public()}
	copy(e.Signature[:], s.Key.Sign(ledger.SignedBytes(payload)))
	return e.Marshal()
}
