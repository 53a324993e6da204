package sbft

// Rule names a rule of docs/consensus.md. The machine reports each when it is
// applied, so that a simulation can count what it has exercised.
type Rule uint8

// The rules. The letters say which part of the protocol: N normal case, F fast
// path, S slow path, C complaints, V view change, W new view, K checkpoints, B bodies,
// R restart, E evidence.
const (
	RuleNone Rule = iota
	RuleN1        // propose inside the window and the limit in flight
	RuleN2        // accept one digest per slot and view, in the range that the view leaves free
	RuleN3        // deliver in order, without gaps
	RuleF1        // sign for the fast path only near to what is executed
	RuleF2        // commit by 3f+c+1 shares of one digest
	RuleF3        // a collector gives the fast path up
	RuleS1        // record a prepared certificate before the commit share leaves
	RuleS2        // commit by 2f+c+1 shares over the prepared certificate
	RuleC1        // complain: nothing that is pending moves
	RuleC2        // complain: one request waits too long
	RuleC3        // complain: the primary is silent
	RuleC4        // do not complain: f+1 others are ahead, so the fault is on our side
	RuleC5        // f+1 complaints move this replica
	RuleV1        // record the move before the view-change message leaves; no vote in older views
	RuleV2        // a view-change message's justification moves a replica that missed the complaints
	RuleV3        // a view-change message is kept, one per replica, of the highest view
	RuleW1        // the new primary takes exactly n - f messages
	RuleW2        // a slot is decided by a certificate in the set
	RuleW3        // a prepared value is adopted
	RuleW4        // a witnessed value overrides an earlier prepared one, or stands alone
	RuleW5        // an undecided slot becomes null
	RuleW6        // the highest certified checkpoint of the set is taken over
	RuleW7        // enter by the same function from the same set
	RuleW8        // missing messages of the set are fetched
	RuleW9        // a replica that was away enters by a full new-view message
	RuleK1        // sign a checkpoint when its state is durable
	RuleK2        // 2f+c+1 shares make it stable
	RuleK3        // a replica far behind moves its window to a certified checkpoint
	RuleK4        // a replica that lacks a checkpoint's certificate is told
	RuleB1        // fetch a body by digest
	RuleB2        // serve one
	RuleR1        // repeat recorded votes after a restart, never others
	RuleR2        // go on in the recorded view
	RuleE1        // two signed proposals for one slot and view
	RuleE2        // accuse after seeing another value
	ruleEnd
)

// Rules is the number of rules, RuleNone included.
const Rules = int(ruleEnd)

var ruleNames = [Rules]string{"", "N1", "N2", "N3", "F1", "F2", "F3", "S1", "S2", "C1", "C2", "C3", "C4", "C5",
	"V1", "V2", "V3", "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "K1", "K2", "K3", "K4", "B1", "B2", "R1", "R2", "E1", "E2"}

// String is the rule's name in docs/consensus.md.
func (r Rule) String() string { return ruleNames[r] }
