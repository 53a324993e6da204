package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The checker must refuse what a correct ledger cannot have done.
func TestPlantedFaultsAreSeen(t *testing.T) {
	add, read := Input{Account: "a"}, Input{Account: "a", Read: true}
	for name, c := range map[string]struct {
		play func(r *Record)
		good bool
	}{
		"one after the other":                   {func(r *Record) { r.Call(1, add)(0); r.Call(1, read)(1); r.Call(2, add)(0); r.Call(1, read)(2) }, true},
		"stale read":                            {func(r *Record) { r.Call(1, add)(0); r.Call(2, add)(0); r.Call(1, read)(1) }, false},
		"lost write":                            {func(r *Record) { r.Call(1, add)(0); r.Call(1, read)(0) }, false},
		"executed twice":                        {func(r *Record) { r.Call(1, add)(0); r.Call(1, read)(2) }, false},
		"read goes back":                        {func(r *Record) { d := r.Call(1, add); r.Call(2, read)(1); r.Call(2, read)(0); d(0) }, false},
		"unknown outcome may have happened":     {func(r *Record) { r.Call(1, add); r.Call(2, read)(1) }, true},
		"unknown outcome may not have happened": {func(r *Record) { r.Call(1, add); r.Call(2, read)(0) }, true},
		"but not both":                          {func(r *Record) { r.Call(1, add); r.Call(2, read)(1); r.Call(2, read)(0) }, false},
	} {
		r := New()
		c.play(r)
		err := r.Check(10 * time.Second)
		require.Equal(t, c.good, err == nil, "%s: %v", name, err)
	}
}
