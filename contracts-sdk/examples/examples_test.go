package examples_test

import (
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples/exampletest"
)

// The examples stand in one test, for they call each other, and their modules cost more
// to make than to run.
func TestExamples(t *testing.T) {
	for _, e := range []exampletest.Example{
		{Name: "token"},
		{Name: "asset"},
		{Name: "escrow", Others: map[string]string{"asset": "asset", "token": "token"}},
		{Name: "approval", Others: map[string]string{"asset": "asset", "token": "token"}},
		{Name: "claims"},
		{Name: "supply"},
		{Name: "directory"},
	} {
		e.Dir = e.Name
		t.Run(e.Name, func(t *testing.T) { exampletest.Check(t, e) })
	}
}
