// Package main is a contract that links much of the standard library.
//
//concordat:contract large
package main

import (
	"encoding/json"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

func main() {}

type textIn struct{ Text string }

type textOut struct{ Text string }

// names answers the names of a JSON object in order.
//
//concordat:method
func names(_ *concordat.Context, in *textIn) (*textOut, error) {
	v := map[string]any{}
	if err := json.Unmarshal([]byte(in.Text), &v); err != nil {
		return nil, concordat.Fail(1, err.Error())
	}
	for name := range v {
		v[name] = true
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, concordat.Fail(1, err.Error())
	}
	return &textOut{string(out)}, nil
}
