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
	if reflect.DeepEqual(want, have) {
		return
	}
	a, b := fmt.Sprint(want), fmt.Sprint(have)
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	same = max(0, same-40)
	t.Fatalf("%s\nwant %.300s\nhave %.300s", said(words), a[same:], b[same:])
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
