package concordat

type cents uint64

type label string

type flag bool

type empty struct{}

type part struct {
	Item  string
	Count int32
}

// kinds has a field of every kind. Its methods are in kinds_gen_test.go, which
// `CONCORDAT_UPDATE=1 go test ./contracts-sdk/generate` writes.
//
//concordat:event kinds
type kinds struct {
	S       string
	U       uint64
	I       int64
	N       uint32
	J       int32
	B       bool
	A       Amount
	P       Party
	Y       []byte
	H       [32]byte
	Inner   part
	Nothing empty
	Price   cents
	Name    label
	Set     flag
	Parts   []part `concordat:"20"`
	Texts   []string
	Parties []Party
	Names   []label
	Raw     [][]byte
	Amounts []Amount
	Hashes  [][32]byte
	Us      []uint64
	Js      []int32
	Prices  []cents
	Bs      []bool
	skipped int  `concordat:"-"`
	Last    bool `concordat:"999"`
}

// echo gives back what it gets.
//
//concordat:method
func echo(_ *Context, in *kinds) (*kinds, error) { return in, nil }
