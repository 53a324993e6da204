package exampletest

import (
	"fmt"
	"reflect"
	"testing"
)

// The words behind what is required are a format and its values, if any are given.

func worked(t testing.TB, err error, words ...any) {
	t.Helper()
	must(t, err == nil, "%v (%s)", err, said(words))
}

func equal(t testing.TB, want, have any, words ...any) {
	t.Helper()
	must(t, reflect.DeepEqual(want, have), "%s\nwant %v\nhave %v", said(words), want, have)
}

func must(t testing.TB, holds bool, words ...any) {
	t.Helper()
	if !holds {
		t.Fatal(said(words))
	}
}

func said(words []any) string {
	switch len(words) {
	case 0:
		return "this does not hold"
	case 1:
		return fmt.Sprint(words[0])
	}
	return fmt.Sprintf(fmt.Sprint(words[0]), words[1:]...)
}
