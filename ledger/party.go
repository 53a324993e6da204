package ledger

import (
	"errors"
	"fmt"
	"strings"
)

// Party is an identity that signs transactions or is in an audience, such as
// "alice@org0", or the contract that calls another, such as "contract:escrow".
type Party string

// ErrParty is wrapped by errors about a name that no party can have.
var ErrParty = errors.New("invalid party name")

// ContractEntry begins the party as which a contract calls others. No party that signs
// has such a name, for none can be registered.
const ContractEntry = "contract:"

// ContractParty is the party as which the contract deployed under a name calls others.
func ContractParty(name string) Party { return ContractEntry + Party(name) }

// Validate accepts [a-z0-9][a-z0-9._@-]{0,63}: whoever signs, asks, or is registered.
func (p Party) Validate() error {
	if strings.HasPrefix(string(p), ContractEntry) {
		return fmt.Errorf("%w: %q stands for a contract, which has no key; name a party", ErrParty, string(p))
	}
	if len(p) == 0 || len(p) > NameBytesMax {
		return fmt.Errorf("%w: %q has %d characters, not 1 to %d", ErrParty, string(p), len(p), NameBytesMax)
	}
	for i := range len(p) {
		c := p[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || !strings.ContainsRune("._@-", rune(c))) {
			return fmt.Errorf("%w: %q holds %q; a-z, 0-9 and . _ @ - are allowed, the first a letter or digit", ErrParty, string(p), c)
		}
	}
	return nil
}

// ValidateNamed accepts what others may name: a party that signs, or a contract.
func (p Party) ValidateNamed() error {
	name, ok := strings.CutPrefix(string(p), ContractEntry)
	switch {
	case !ok:
		return p.Validate()
	case !ValidContractName(name):
		return fmt.Errorf("%w: %q names no contract; behind %s stand a-z, 0-9 and -, the first a letter, at most 32", ErrParty, string(p), ContractEntry)
	}
	return nil
}
