package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// Retention says what a replica may forget; absent, it keeps everything.
type Retention struct {
	Archive bool   `yaml:"archive,omitempty"`
	Blocks  string `yaml:"blocks,omitempty"` // a number
	Age     string `yaml:"age,omitempty"`    // such as 720h
	Hold    Hold   `yaml:"hold,omitempty"`
}

// Hold names whose transactions stay when their blocks are pruned.
type Hold struct {
	Contracts []string `yaml:"contracts,omitempty"`
	Parties   []string `yaml:"parties,omitempty"`
}

// errRetention means that node.yaml asks for what cannot be.
var errRetention = errors.New("the retention in node.yaml cannot be followed")

func retentionError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRetention, fmt.Sprintf(format, args...))
}

// UnmarshalYAML makes one sentence of what does not fit.
func (r *Retention) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return retentionError("it must have blocks, age, archive or hold below it")
	}
	known := map[string]any{"archive": &r.Archive, "blocks": &r.Blocks, "age": &r.Age, "hold": &r.Hold}
	if err := decodeKnown(node, known, "it knows blocks, age, archive and hold"); err != nil {
		return err
	}
	_, err := r.Policy()
	return err
}

// UnmarshalYAML refuses what it does not know: what is meant to be held and is not would be
// pruned for good.
func (h *Hold) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return retentionError("hold must have contracts or parties below it")
	}
	known := map[string]any{"contracts": &h.Contracts, "parties": &h.Parties}
	return decodeKnown(node, known, "hold knows contracts and parties")
}

// decodeKnown reads a mapping that has each known key once at most, and with a value.
func decodeKnown(node *yaml.Node, known map[string]any, knows string) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i].Value, node.Content[i+1]
		into, ok := known[key]
		switch {
		case !ok:
			return retentionError("%s, not %q", knows, key)
		case seen[key]:
			return retentionError("%s in line %d is there twice", key, node.Content[i].Line)
		case value.ShortTag() == "!!null":
			return retentionError("%s in line %d has no value", key, node.Content[i].Line)
		}
		seen[key] = true
		if err := value.Decode(into); err != nil {
			if errors.Is(err, errRetention) {
				return err
			}
			return retentionError("%s in line %d is not of the right kind", key, value.Line)
		}
	}
	return nil
}

// Policy is what the text asks for.
func (r *Retention) Policy() (retention.Policy, error) {
	var p retention.Policy
	if r == nil {
		return p, nil
	}
	if r.Archive && (r.Blocks != "" || r.Age != "") {
		return p, retentionError("archive keeps everything, so blocks and age must not be given with it")
	}
	if r.Blocks != "" {
		n, err := strconv.ParseUint(r.Blocks, 10, 64)
		if err != nil || n == 0 {
			return p, retentionError("blocks must be a number from 1 on, and is %q", r.Blocks)
		}
		p.Blocks = n
	}
	if r.Age != "" {
		d, err := time.ParseDuration(r.Age)
		if err != nil || d <= 0 {
			return p, retentionError("age must be a time above zero such as 720h, and is %q", r.Age)
		}
		p.Age = ledger.Time(d)
	}
	for _, name := range r.Hold.Contracts {
		if !ledger.ValidContractName(name) {
			return p, retentionError("no contract to hold can be called %q", name)
		}
		p.Contracts = append(p.Contracts, name)
	}
	for _, name := range r.Hold.Parties {
		if ledger.Party(name).Validate() != nil || !strings.Contains(name, "@") {
			return p, retentionError("no party to hold can be called %q; a name is like alice@org0", name)
		}
		p.Parties = append(p.Parties, ledger.Party(name))
	}
	return p, nil
}
