// Package main is a contract that does what a script says; package parity tells why.
package main

import (
	"errors"
	"strconv"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

type script struct{ Text string }

// Fields implements concordat.Message.
func (s *script) Fields(f *concordat.Fields) { f.String(1, &s.Text) }

func init() {
	concordat.Register(concordat.Method("do", do))
}

func main() {}

var history = concordat.History[concordat.Amount, *concordat.Amount]{Name: "history"}

// do runs the steps between semicolons. What get and scan find, and what say says, is
// put out.
func do(c *concordat.Context, in *script) (*script, error) {
	out := ""
	for _, step := range strings.Split(in.Text, "; ") {
		w := append(strings.Fields(step), "", "", "")
		switch w[0] {
		case "put":
			c.PutFor(audience(w[2]), []byte(w[1]), []byte("v"))
		case "put-declassified":
			c.PutDeclassified(audience(w[2]), []byte(w[1]), []byte("v"))
		case "emit":
			c.EmitFor(audience(w[1]), "t", &concordat.Nothing{})
		case "emit-declassified":
			c.EmitDeclassified(audience(w[1]), "t", &concordat.Nothing{})
		case "delete":
			c.Delete([]byte(w[1]))
		case "get":
			if _, ok := c.Get([]byte(w[1])); ok {
				out += w[1]
			}
		case "scan":
			c.Scan([]byte(w[1]), []byte(w[2]), func(key, _ []byte) bool { out += string(key); return true })
		case "sweep": // deletes everything as soon as it has found something
			c.Scan([]byte(w[1]), []byte(w[2]), func(key, _ []byte) bool {
				out += string(key)
				for k := w[1][0]; k < w[2][0]; k++ {
					c.Delete([]byte{k})
				}
				return true
			})
		case "append":
			history.AppendFor(c, audience(w[1]), concordat.NewAmount(1))
		case "declassify":
			c.DeclassifyResult()
		case "only":
			if err := c.RequireParty(concordat.Party(w[1])); err != nil {
				return nil, err
			}
		case "who":
			out += string(c.Caller) + "/" + c.Organisation + "/" + string(c.Signer) + "/" + c.Via
		case "fail":
			return nil, concordat.Fail(7, w[1])
		case "silent":
			out = ""
		case "hold":
			out += hold(c)
		case "call":
			out += call(c, w[1], w[2], w[3])
		case "verify":
			out += verify(c, w[1], w[2:])
		default:
			return nil, concordat.Fail(1, "there is no step "+w[0])
		}
	}
	return &script{out}, nil
}

// ready says that the contract may be entered while it is in a call.
//
//go:wasmexport concordat_reentrant
func ready() {}

// call runs a script of one step, whose words a plus joins, on another contract with a
// limit of gas, and says how that ended.
func call(c *concordat.Context, contract, gas, step string) string {
	limit, _ := strconv.ParseInt(gas, 10, 64)
	var out script
	err := c.CallWithGas(contract, "do", limit, &script{strings.ReplaceAll(step, "+", " ")}, &out)
	var e *concordat.Error
	if errors.As(err, &e) {
		return "failed with " + strconv.FormatUint(uint64(e.Code), 10)
	}
	return "done " + out.Text
}

func audience(list string) concordat.Audience {
	if list == "all" {
		return nil
	}
	var a concordat.Audience
	for _, p := range strings.Split(list, ",") {
		a = append(a, concordat.Party(p))
	}
	return a
}
