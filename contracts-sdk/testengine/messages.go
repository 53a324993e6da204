package testengine

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

//go:embed protocol.json
var protocol []byte

// messageBytesMax bounds what is read at once.
const messageBytesMax = 64 << 20

// call and answer are the messages of protocol.json.
type (
	call struct {
		Method       string      `json:"method"`
		Args         []byte      `json:"args,omitempty"`
		Caller       string      `json:"caller"`
		Organisation string      `json:"organisation"`
		Attributes   []attribute `json:"attributes,omitempty"`
		Via          string      `json:"via"`
		Self         string      `json:"self"`
		Height       uint64      `json:"height,string"`
		Time         int64       `json:"time,string"`
		Command      []byte      `json:"command,omitempty"`
		ReadOnly     bool        `json:"read_only"`
		Records      []record    `json:"records,omitempty"`
		Signer       string      `json:"signer"`
	}
	attribute struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	record struct {
		Key      []byte `json:"key,omitempty"`
		Value    []byte `json:"value,omitempty"`
		Audience []byte `json:"audience,omitempty"`
		Deleted  bool   `json:"deleted"`
	}
	answer struct {
		Status   uint32   `json:"status,string"`
		Output   []byte   `json:"output,omitempty"`
		Code     uint32   `json:"code,string"`
		Message  string   `json:"message"`
		Gas      uint64   `json:"gas,string"`
		Changes  []record `json:"changes,omitempty"`
		Events   []told   `json:"events,omitempty"`
		Logs     []string `json:"logs,omitempty"`
		Contract string   `json:"contract"`
		Method   string   `json:"method"`
		Args     []byte   `json:"args,omitempty"`
		Read     []read   `json:"read,omitempty"`
	}
	read struct {
		Entries ledger.Audience `json:"entries"`
	}
	told struct {
		Topic    string `json:"topic"`
		Data     []byte `json:"data,omitempty"`
		Audience []byte `json:"audience,omitempty"`
	}
)

// stream is a test kit at the other end.
type stream struct {
	in     io.Reader
	out    io.Writer
	schema *schema.Schema
}

// read reads a message of a kind. At the end of the stream it is io.EOF.
func (s *stream) read(kind string, into any) error {
	var length [4]byte
	if _, err := io.ReadFull(s.in, length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read from the test kit: %w", err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > messageBytesMax {
		return fmt.Errorf("the test kit sends %d bytes at once, at most %d are read", n, messageBytesMax)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.in, b); err != nil {
		return fmt.Errorf("read from the test kit: %w", err)
	}
	text, err := s.schema.ArgsJSON(kind, b)
	if err != nil {
		return fmt.Errorf("the test kit speaks otherwise than this program; use the SDK that came with it: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read from the test kit: %w", err)
	}
	return nil
}

func (s *stream) write(kind string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("answer the test kit: %w", err)
	}
	b, err := s.schema.ArgsFromJSON(kind, text)
	if err != nil {
		return fmt.Errorf("answer the test kit: %w", err)
	}
	// #nosec G115 -- what a call may change is far below 4 GiB
	if _, err := s.out.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)); err != nil {
		return fmt.Errorf("answer the test kit: %w", err)
	}
	return nil
}
