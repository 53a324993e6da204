// Package twins plays every Twins scenario (Twins: BFT systems made robust, Bano et
// al., arXiv 2004.10617) on the real ordering machine: some identities have two
// honest copies of the machine with the same keys, the network is split differently
// in each round, and the leader of each round is chosen. Two copies that know
// nothing of each other are a Byzantine replica that equivocates, forgets and lies,
// made of nothing but correct code.
//
// The primary of a view is fixed (view mod n), so a round with a wished leader is
// reached by complaints about the view before one of its views.
package twins
