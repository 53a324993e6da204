package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// The two results of a report.
const (
	ResultVerified = "verified"
	ResultRefused  = "does not verify"
)

// Report says what was checked and what came of it.
type Report struct {
	LedgerID    string `json:"ledger_id"`
	LedgerName  string `json:"ledger_name"`
	Result      string `json:"result"`
	Fault       string `json:"fault,omitempty"` // where and why the ledger does not verify
	Auditor     string `json:"auditor,omitempty"`
	Source      string `json:"source"`
	FirstHeight uint64 `json:"first_height"`
	LastHeight  uint64 `json:"last_height"`
	LastHash    string `json:"last_hash,omitempty"`
	// CertifiedHeight is the newest block whose outcome is certified.
	CertifiedHeight uint64   `json:"certified_height"`
	StateHeight     uint64   `json:"state_height"`
	StateRoot       string   `json:"state_root,omitempty"`
	StateCertified  bool     `json:"state_certified"`
	Checked         Checked  `json:"checked"`
	Remarks         []string `json:"remarks"`
	Time            string   `json:"time"` // when the check ended, by the auditor's clock
	Version         string   `json:"tool_version"`
}

// Checked are the counts of a report.
type Checked struct {
	Blocks                uint64 `json:"blocks"`
	Transactions          uint64 `json:"transactions"`
	Signatures            uint64 `json:"signatures"`
	CommitCertificates    uint64 `json:"commit_certificates"`
	ExecutionCertificates uint64 `json:"execution_certificates"`
	Records               uint64 `json:"records"`
	Bytes                 uint64 `json:"bytes"`
}

// sourceUnopened is the source of a fault that was found before there was one.
const sourceUnopened = "not opened"

// NewReport describes a run. With an error it is one of a ledger that does not verify,
// and s is nil; and so is src if it could not even be opened.
func NewReport(rules *chain.Rules, src Source, s *chain.Summary, fault error, resumed ledger.Height, at time.Time) *Report {
	r := &Report{LedgerID: rules.Ledger().String(), LedgerName: rules.Genesis().Name, Result: ResultRefused, Source: sourceUnopened,
		Remarks: []string{}, Time: at.UTC().Format(time.RFC3339)}
	var first ledger.Height
	if src != nil {
		first, _ = src.Begin()
		r.Source, r.FirstHeight = src.Kind(), uint64(first)
	}
	if first > 1 {
		r.remark("the blocks below %d are not here: neither the link to the genesis nor what happened before was checked", first)
	}
	if resumed > 0 {
		r.remark("the blocks up to %d were checked by an earlier run, on the word of its progress file", resumed)
	}
	if fault != nil {
		r.Fault = fault.Error()
		return r
	}
	r.Result, r.LastHeight, r.LastHash = ResultVerified, uint64(s.Height), s.Hash.String()
	r.CertifiedHeight, r.StateHeight, r.StateRoot, r.StateCertified = uint64(s.Certified), uint64(s.StateHeight), s.StateRoot.String(), s.StateCertified
	c := s.Counts
	r.Checked = Checked{c.Blocks, c.Transactions, c.Signatures, c.CommitCertificates, c.ExecutionCertificates, c.Records, c.Bytes}
	r.remarks(s)
	return r
}

func (r *Report) remark(format string, args ...any) {
	r.Remarks = append(r.Remarks, fmt.Sprintf(format, args...))
}

func (r *Report) remarks(s *chain.Summary) {
	listed := uint64(0)
	for _, g := range s.Gaps {
		listed += uint64(g.To-g.From) + 1
		r.remark("%s no execution certificate here: the blocks themselves are covered by the links of later ones, their results are not", blocks(g, "has", "have"))
	}
	if s.GapBlocks > listed {
		r.remark("%d further blocks have no execution certificate here", s.GapBlocks-listed)
	}
	if s.Pruned != 0 {
		r.remark("%s pruned here: header, commit certificate, outcome and execution certificate were checked, transactions and results are gone",
			blocks(chain.Range{From: s.First, To: s.Pruned}, "is", "are"))
	}
	if s.Open != 0 {
		r.remark("%s not certified yet: agreed, but the outcome is this replica's word", blocks(chain.Range{From: s.Open, To: s.Height}, "is", "are"))
	}
	if !s.StateCertified {
		r.remark("the state is that of block %d, whose state root is not certified yet", s.StateHeight)
	}
}

func blocks(g chain.Range, one, many string) string {
	if g.From == g.To {
		return fmt.Sprintf("block %d %s", g.From, one)
	}
	return fmt.Sprintf("blocks %d to %d %s", g.From, g.To, many)
}

// domainReport is in front of what the auditor signs, so that it is nothing else.
const domainReport ledger.Domain = "concordat/verify-report/1"

// Signed is a report's file: the exact bytes of the report, and who signed them.
type Signed struct {
	Type      string          `json:"type"`
	Report    []byte          `json:"report"` // the report's JSON, in base64
	PublicKey ledger.HexBytes `json:"public_key"`
	Signature ledger.HexBytes `json:"signature"`
}

// ErrReport is wrapped by all that is wrong with a report's file.
var ErrReport = errors.New("the report does not verify")

func signedBytes(report []byte) []byte {
	return ledger.NewWriter(domainReport, len(report)+4).Bytes(report).Done()
}

// Sign makes a report's file.
func Sign(r *Report, key signature.PrivateKey) ([]byte, error) {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	public := key.Public()
	file, err := json.MarshalIndent(&Signed{Type: string(domainReport), Report: raw, PublicKey: public[:], Signature: key.Sign(signedBytes(raw))}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return append(file, '\n'), nil
}

// OpenReport verifies a report's file and returns the report with the key that signed
// it. Whose key that is, is for the caller to know.
func OpenReport(file []byte) (*Report, signature.PublicKey, error) {
	var s Signed
	var key signature.PublicKey
	if err := strict(file, &s); err != nil {
		return nil, key, fmt.Errorf("%w: it is no report: %w", ErrReport, err)
	}
	if s.Type != string(domainReport) || len(s.PublicKey) != len(key) {
		return nil, key, fmt.Errorf("%w: it is no report of this form", ErrReport)
	}
	copy(key[:], s.PublicKey)
	if !signature.Verify(key, signedBytes(s.Report), s.Signature) {
		return nil, key, fmt.Errorf("%w: its signature is wrong", ErrReport)
	}
	var r Report
	if err := strict(s.Report, &r); err != nil {
		return nil, key, fmt.Errorf("%w: what was signed is no report: %w", ErrReport, err)
	}
	return &r, key, nil
}

// strict reads JSON that holds nothing else.
func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("something follows it")
	}
	return nil
}
