package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// stateFlags are those of all reads of the state.
type stateFlags struct {
	*flags
	contract string
	height   uint64
	unproven bool
	signed   bool
	audience []string
	out      string
}

func stateCommand(f *flags) *cobra.Command {
	s := &stateFlags{flags: f}
	c := &cobra.Command{Use: "state", Short: "Read records of the state, with proofs",
		Long: `Reads records as of any block that is kept. Each answer is verified against the
ledger's key unless --unproven is given: that the records are so, and that none of the
range is missing. What only some may read is shown to them with --signed.

A key of a contract is given as its parts, parts:balance,alice@org0, in which #42 is a
number; other keys are themselves when they are text, or hex:….`}
	p := c.PersistentFlags()
	p.StringVar(&s.contract, "contract", "", "contract whose keys are meant; without it keys are those of the whole state")
	p.Uint64Var(&s.height, "height", 0, "block as of which is read; 0: the newest")
	p.BoolVar(&s.unproven, "unproven", false, "believe the replica that answers")
	p.BoolVar(&s.signed, "signed", false, "sign the read as the party of --as")
	p.StringSliceVar(&s.audience, "audience", nil, "the audience whose records are meant, such as alice@org0,org:org1; none: those for every member")
	p.StringVar(&s.out, "out", "", "file for the proof")
	c.AddCommand(stateGet(s), stateList(s), stateHistory(s))
	return c
}

func (s *stateFlags) read(cmd *cobra.Command, req *ledgerpb.StateRequest) (*ledgerpb.StateReply, error) {
	if s.out != "" && (s.unproven || req.GetHistory()) {
		return nil, &exitError{code: exitUsage, err: errors.New("--out keeps the one proof of `state get` and `state list`; a history has one for each version")}
	}
	c, err := s.connect(cmd)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	req.Height, req.Prove, req.Audience = s.height, !s.unproven, s.audience
	var reader *client.Signer
	if s.signed {
		signer, err := s.signer()
		if err != nil {
			return nil, err
		}
		reader = &signer
	}
	reply, err := c.State(cmd.Context(), req, reader)
	if err == nil && s.out != "" {
		if err := os.WriteFile(s.out, reply.GetProof(), 0o600); err != nil {
			return nil, fmt.Errorf("write the proof: %w", err)
		}
	}
	return reply, err
}

// key is a key of the contract that was named, or of the whole state.
func (s *stateFlags) key(text string) ([]byte, error) {
	key, err := givenKey(text)
	return append(s.prefix(), key...), err
}

// one is a key that names a record; none would be taken for the whole state.
func (s *stateFlags) one(text string) ([]byte, error) {
	key, err := s.key(text)
	if err == nil && len(key) == 0 {
		err = &exitError{code: exitUsage, err: errors.New("which record? The key is empty; `concordat state list` shows them")}
	}
	return key, err
}

// prefix is before all keys of the contract that was named.
func (s *stateFlags) prefix() []byte {
	if s.contract == "" {
		return nil
	}
	return []byte("c/" + s.contract + "/")
}

// shownKey is a key as it would be given: without the contract that was named.
func (s *stateFlags) shownKey(key []byte) string { return shownKey(bytes.TrimPrefix(key, s.prefix())) }

// stateRecord is a record as commands print it.
type stateRecord struct {
	Key      string   `json:"key"`
	Value    string   `json:"value,omitempty"`
	Audience []string `json:"audience,omitempty"`
	Height   uint64   `json:"height"`
	Tx       string   `json:"tx,omitempty"`
	Deleted  bool     `json:"deleted,omitempty"`
}

// stateAnswer is what the commands print.
type stateAnswer struct {
	Height  uint64        `json:"height"`
	Proven  bool          `json:"proven"`
	Records []stateRecord `json:"records"`
	Next    string        `json:"next,omitempty"`
}

// shownText is text as it is, and anything else as hexadecimal digits.
func shownText(b []byte) string {
	if utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && !strings.HasPrefix(string(b), "hex:") {
		return string(b)
	}
	return "hex:" + hex.EncodeToString(b)
}

func recordOf(e *ledgerpb.StateEntry) stateRecord {
	r := stateRecord{Key: shownKey(e.GetKey()), Audience: e.GetAudience(), Height: e.GetHeight(), Deleted: e.GetDeleted()}
	if !r.Deleted {
		r.Value, r.Tx = shownText(e.GetValue()), e.GetTxId()
	}
	return r
}

func (s *stateFlags) show(cmd *cobra.Command, reply *ledgerpb.StateReply) error {
	a := stateAnswer{Height: reply.GetHeight(), Proven: !s.unproven, Records: []stateRecord{}}
	for _, e := range reply.GetEntries() {
		r := recordOf(e)
		r.Key = s.shownKey(e.GetKey())
		a.Records = append(a.Records, r)
	}
	if len(reply.GetNext()) > 0 {
		a.Next = s.shownKey(reply.GetNext())
	}
	return s.render(cmd.OutOrStdout(), a, func(w io.Writer) error {
		rows := [][]string{{"KEY", "VALUE", "AUDIENCE", "WRITTEN", "TX"}}
		for _, r := range a.Records {
			value := r.Value
			if r.Deleted {
				value = "(removed)"
			}
			rows = append(rows, []string{r.Key, value, strings.Join(r.Audience, ","), strconv.FormatUint(r.Height, 10), shortHash(r.Tx)})
		}
		if err := table(w, rows); err != nil {
			return err
		}
		how := "proven"
		if s.unproven {
			how = "as one replica says"
		}
		_, err := fmt.Fprintf(w, "%d records as of block %d, %s\n", len(a.Records), a.Height, how)
		if err == nil && a.Next != "" {
			_, err = fmt.Fprintln(w, "there are more, from", a.Next)
		}
		return err
	})
}

func stateGet(s *stateFlags) *cobra.Command {
	return &cobra.Command{Use: "get KEY", Short: "One record, or the proof that there is none", Args: cobra.ExactArgs(1),
		Example: "  concordat state get s/party/alice@org0\n  concordat state get --contract token parts:balance,alice@org0 --out balance.proof",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := s.one(args[0])
			if err != nil {
				return err
			}
			reply, err := s.read(cmd, &ledgerpb.StateRequest{Key: key})
			if err != nil {
				return err
			}
			return s.show(cmd, reply)
		}}
}

func stateList(s *stateFlags) *cobra.Command {
	var from, to string
	var limit uint32
	c := &cobra.Command{Use: "list [PREFIX]", Short: "The records whose keys begin with PREFIX, or lie between two keys", Args: cobra.MaximumNArgs(1),
		Example: "  concordat state list s/party/\n  concordat state list --contract token --from a --to b",
		RunE: func(cmd *cobra.Command, args []string) error {
			req := &ledgerpb.StateRequest{Limit: limit}
			prefix, err := s.key(strings.Join(args, ""))
			if err != nil {
				return err
			}
			req.From, req.To = prefix, afterPrefix(prefix)
			if from != "" {
				if req.From, err = s.key(from); err != nil {
					return err
				}
			}
			if to != "" {
				if req.To, err = s.key(to); err != nil {
					return err
				}
			}
			reply, err := s.read(cmd, req)
			if err != nil {
				return err
			}
			return s.show(cmd, reply)
		}}
	c.Flags().StringVar(&from, "from", "", "first key")
	c.Flags().StringVar(&to, "to", "", "key behind the last")
	c.Flags().Uint32Var(&limit, "limit", 100, "how many, at most 1000")
	return c
}

// afterPrefix is the first key behind all that begin with a prefix; nil: there is none.
func afterPrefix(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for len(out) > 0 {
		if out[len(out)-1]++; out[len(out)-1] != 0 {
			return out
		}
		out = out[:len(out)-1]
	}
	return nil
}

func stateHistory(s *stateFlags) *cobra.Command {
	var limit uint32
	c := &cobra.Command{Use: "history KEY", Short: "The versions of one record, newest first", Args: cobra.ExactArgs(1),
		Example: "  concordat state history s/party/alice@org0",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := s.one(args[0])
			if err != nil {
				return err
			}
			reply, err := s.read(cmd, &ledgerpb.StateRequest{Key: key, History: true, Limit: limit})
			if err != nil {
				return err
			}
			return s.show(cmd, reply)
		}}
	c.Flags().Uint32Var(&limit, "limit", 16, "how many; at most 8 with proofs")
	return c
}

func proofCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "proof", Short: "Verify proofs about the state"}
	c.AddCommand(proofVerify(f))
	return c
}

func proofVerify(f *flags) *cobra.Command {
	var trust trustFlags
	c := &cobra.Command{Use: "verify FILE", Short: "Check a proof about the state offline", Args: cobra.ExactArgs(1),
		Long:    "Check a proof with nothing but the ledger's id and public key, and show what it proves.",
		Example: "  concordat proof verify supply.proof --genesis genesis.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			ledgerID, ledgerKey, err := trust.ledger(f)
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read the proof: %w", err)
			}
			v, err := provenAnswer(ledgerID, ledgerKey, raw)
			if err != nil {
				return &exitError{code: exitUnverified, err: fmt.Errorf("the proof does not verify: %w", err)}
			}
			return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error {
				rows := [][]string{{"proof", "verifies"}, {"block", strconv.FormatUint(v.Height, 10)}, {"time", v.Time}, {"range", v.From + " to " + v.To}}
				for _, r := range v.Records {
					rows = append(rows, []string{"record", r.Key + " = " + r.Value})
				}
				if len(v.Records) == 0 {
					rows = append(rows, []string{"record", "none: the state has nothing there"})
				}
				return table(w, rows)
			})
		}}
	trust.add(c)
	return c
}

// proven is what `proof verify` prints.
type proven struct {
	Valid   bool          `json:"valid"`
	Height  uint64        `json:"height"`
	Time    string        `json:"time"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Records []stateRecord `json:"records"`
}

// shownPlace is a place of the state tree: the key, and before it what audience its
// records have, unless that is every member.
func shownPlace(place []byte) string {
	switch {
	case place == nil:
		return "the end"
	case len(place) > 0 && place[0] == 0:
		return shownKey(place[1:])
	case len(place) < 33:
		return "the end of what every member may read"
	}
	return fmt.Sprintf("audience %x: %s", place[1:9], shownKey(place[33:]))
}

func provenAnswer(id ledger.ID, key, raw []byte) (*proven, error) {
	a, err := ledger.ParseAttestation(raw)
	if err != nil {
		return nil, err
	}
	claim, err := verify.State(id, key, a)
	if err != nil {
		return nil, err
	}
	out := &proven{Valid: true, Height: uint64(a.Header.Height), Time: a.Header.Time.Std().Format("2006-01-02T15:04:05.000Z"),
		From: shownPlace(claim.From), To: shownPlace(claim.To), Records: []stateRecord{}}
	for _, r := range claim.Records {
		e, err := client.StateEntry(r.Key, r.Value)
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, recordOf(e))
	}
	return out, nil
}
