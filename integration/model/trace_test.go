package model

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// What a trace holds, in the words of sbft.qnt. View -1 stands for "none".
type (
	known struct{ View, Value int }

	commit struct {
		View, Value int
		Fast        bool
	}

	evidence struct {
		Committed commit
		Prepared  known
		Accepted  known
	}

	replica struct {
		View         int
		Active, Free bool
		Accepted     known
		Prepared     known
		Committed    commit
	}

	vote struct {
		Who, View, Value int
		Fast             bool
	}

	testimony struct {
		Who, View int
		Shows     evidence
	}

	choice struct {
		Kind      string
		Value     int
		Star, Hat known
		Commit    commit
	}

	step struct {
		Act         string
		Who         []int
		View, Value int
		Fast        bool
		Set         map[int]evidence
		Choice      choice
	}

	state struct {
		Faulty      []int
		Replicas    map[int]replica
		Votes       []vote
		CommitVotes []vote
		Testimonies []testimony
		Last        step
	}
)

// none is what a model's replica knows at first.
var none = known{View: -1}

// trace is one run of the model.
type trace []state

// quorum is the budget that the trace was made with.
func (t trace) quorum() (quorum.Config, error) {
	if len(t) == 0 {
		return quorum.Config{}, fmt.Errorf("the trace is empty")
	}
	switch n := len(t[0].Faulty) + len(t[0].Replicas); n {
	case 4:
		return quorum.Config{F: 1}, nil
	case 6:
		return quorum.Config{F: 1, C: 1}, nil
	default:
		return quorum.Config{}, fmt.Errorf("no instance has %d replicas", n)
	}
}

// readTrace reads a file in the Informal Trace Format, compressed or not.
func readTrace(path string) (trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var in io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return parseTrace(data)
}

// wanted are the model's variables that the replay looks at. The largest, all new views
// ever sent, is not among them: each stands in the step that sent it.
var wanted = []string{"faulty", "replicas", "votes", "commitVotes", "testimonies", "last"}

func parseTrace(data []byte) (trace, error) {
	var itf struct{ States []map[string]json.RawMessage }
	if err := json.Unmarshal(data, &itf); err != nil {
		return nil, err
	}
	var out trace
	for i, vars := range itf.States {
		s, err := parseState(vars)
		if err != nil {
			return nil, fmt.Errorf("state %d: %w", i, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func parseState(vars map[string]json.RawMessage) (s state, err error) {
	named := map[string]any{}
	for name, value := range vars {
		name = name[strings.LastIndex(name, ":")+1:] // it carries the modules that it is in
		if !slices.Contains(wanted, name) {
			continue
		}
		var tagged any
		if err := json.Unmarshal(value, &tagged); err != nil {
			return s, err
		}
		if named[name], err = plain(tagged); err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(named) != len(wanted) {
		return s, fmt.Errorf("of %v there are only %d", wanted, len(named))
	}
	flat, err := json.Marshal(named)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(flat, &s)
}

// plain turns the format's own kinds, {"#bigint": "3"} and the like, into plain JSON.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		return plainObject(v)
	default:
		return v, nil
	}
}

func plainObject(v map[string]any) (any, error) {
	if text, ok := v["#bigint"].(string); ok {
		return strconv.Atoi(text)
	}
	for _, kind := range []string{"#set", "#tup"} {
		if list, ok := v[kind]; ok {
			return plain(list)
		}
	}
	out := map[string]any{}
	if pairs, ok := v["#map"].([]any); ok {
		for _, pair := range pairs {
			flat, err := plain(pair)
			if err != nil {
				return nil, err
			}
			both, ok := flat.([]any)
			if !ok || len(both) != 2 {
				return nil, fmt.Errorf("a map holds what is no pair: %v", pair)
			}
			out[fmt.Sprint(both[0])] = both[1]
		}
		return out, nil
	}
	for key, value := range v {
		var err error
		if out[key], err = plain(value); err != nil {
			return nil, err
		}
	}
	return out, nil
}
