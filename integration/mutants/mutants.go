// Package mutants breaks the ordering machine on purpose, one line at a time, and asks
// the simulator to notice. A search that finds nothing proves little until it is known
// what it would have found.
//
// A mutant is a change of source text. It is compiled with the go command's -overlay,
// so that the product has no hooks for it; a mutant whose text is not found any more
// fails the test.
package mutants

// Mutant is one way of being wrong.
type Mutant struct {
	Name string
	File string // below actors/consensus/sbft, or from the root when it has a slash
	Old  string
	New  string
	Why  string // what it is, in docs/consensus.md
}

// All are the mutants that must be found.
var All = []Mutant{
	{"ge-for-gt", "newview.go", "return fast > prepared }", "return fast >= prepared }", "witnesses of the prepared certificate's own view override it"},
	{"witnesses-f+c", "newview.go", "witnesses: q.F + q.C + 1,", "witnesses: q.F + q.C,", "f + c witnesses are enough"},
	{"witnesses-too-many", "newview.go", "witnesses: q.F + q.C + 1,", "witnesses: q.F + q.C + 2,", "f + c + 2 witnesses are asked for"},
	{"first-prepared", "newview.go", "if best == nil || k.View > best.View {\n\t\t\tbest = k\n", "if best == nil {\n\t\t\tbest = k\n", "the first prepared certificate counts, not that of the highest view"},
	{"no-witnesses", "newview.go", "case fast != nil && (", "case false && (", "fast witnesses are ignored"},
	{"no-prepared", "newview.go", "\tcase prepared != nil:\n\t\treturn Choice{Seq: seq, Kind: Adopted", "\tcase prepared != nil && fast != nil:\n\t\treturn Choice{Seq: seq, Kind: Adopted", "prepared certificates are ignored"},
	{"q-1", "ledger/quorum/quorum.go", "{ return 2*q.F + 2*q.C + 1 }", "{ return 2*q.F + 2*q.C }", "n - f - 1 messages make a new view"},
	{"uncertified-stable", "viewchange.go", "if err := vc.Stable.check(p, v); err != nil {", "if err := vc.Stable.check(p, v); err != nil && false {", "a claimed checkpoint needs no certificate"},
	{"unverified-evidence", "viewchange.go", "return errors.Join(verify(e.Committed, phase), verify(e.Prepared, certificate.Prepare))", "_, _ = verify, phase\n\treturn errors.Join()", "certificates in view-change messages are not verified"},
	{"omit-stored", "complaint.go", "for seq := m.low + 1; seq <= m.low+m.window(); seq++ {\n\t\tif s := m.slots[seq]; s != nil {\n\t\t\tif e, ok", "for seq := m.durable + 1; seq <= m.low+m.window(); seq++ {\n\t\tif s := m.slots[seq]; s != nil {\n\t\t\tif e, ok", "a view-change message leaves out what its sender has stored (uncertified last-stable)"},
	{"omit-committed", "complaint.go", "\t\treturn e, true\n\t}\n\te.Prepared, e.Accepted", "\t\treturn e, false\n\t}\n\te.Prepared, e.Accepted", "and what its sender has committed"},
	{"omit-accepted", "complaint.go", "e.Prepared, e.Accepted = s.prepared, s.accepted", "e.Prepared = s.prepared", "and what it has only accepted"},
	{"omit-prepared", "complaint.go", "e.Prepared, e.Accepted = s.prepared, s.accepted", "e.Accepted = s.accepted", "and its prepared certificates"},
	{"phase-unbound", "machine.go", "Seq: slot.Seq, Phase: phase, Digest", "Seq: slot.Seq, Phase: map[bool]certificate.Phase{true: certificate.Prepare, false: phase}[phase == certificate.Commit], Digest", "a share is not bound to its phase: prepare shares commit"},
	{"view-unbound", "machine.go", "View: slot.View, Seq: slot.Seq, Phase", "Seq: slot.Seq, Phase", "a share is not bound to its view"},
	{"view-not-recorded", "complaint.go", "\tout.Records = append(out.Records, rec.record())\n\tm.report(out, Report{Kind: ReportMoved", "\t_ = rec\n\tm.report(out, Report{Kind: ReportMoved", "leaving a view is not durable"},
	{"entering-not-recorded", "enter.go", "\tout.Records = append(out.Records, rec.record())\n\tif stable.Seq > m.low", "\t_ = rec\n\tif stable.Seq > m.low", "entering a view is not durable"},
	{"stable-not-recorded", "checkpoint.go", "\tout.Records = append(out.Records, rec.record())\n\tstable := in", "\t_ = rec\n\tstable := in", "the stable checkpoint is not durable"},
	{"body-not-recorded", "propose.go", "\tif recorded {\n", "\tif recorded || true {\n", "a value is accepted without its body being durable"},
	{"accept-twice", "vote.go", "case s.in(m.view) && s.accepted.Digest != in.Body.Digest:\n\t\tm.equivocation(s, in, out)", "case s.in(m.view) && s.accepted.Digest != in.Body.Digest:\n\t\tm.take(s, in, out)", "a second proposal for a slot is accepted"},
	{"window-open", "machine.go", "{ return seq > m.low && seq <= m.low+m.window() }", "{ return seq > m.low }", "messages beyond the window are taken"},
	{"votes-after-leaving", "complaint.go", "m.view, m.active, m.since = to, false, m.now", "m.view, m.active, m.since = to, true, m.now", "a replica acts in a view before its new-view message"},
	{"one-complaint", "complaint.go", "\tneed := m.p.Quorum.Weak()\n\tif len(fresh) < need {", "\tneed := 1\n\tif len(fresh) < need {", "one complaint moves a replica"},
	{"no-complaint", "pace.go", "\tcase late:\n\t\tm.complain(RuleC1, out)", "\tcase late:", "nobody complains when nothing moves"},
	{"new-view-not-served", "enter.go", "case m.active && m.newView != nil:", "case m.active && m.newView != nil && m.now < 0:", "replicas that were away are not shown the new view"},
	{"checkpoint-too-early", "checkpoint.go", "if own.Seq > m.durable || c.hasSigned", "if c.hasSigned", "a checkpoint is signed before its state is stored"},
	{"checkpoint-once", "checkpoint.go", "if s.Seq > m.low && s.Seq <= m.durable {", "if s.Seq > m.low && s.Seq <= m.durable && m.now < 0 {", "checkpoint shares are not repeated"},
	{"vote-below-stable", "checkpoint.go", "\tm.sortedSettle(m.low)\n", "", "slots at or below a checkpoint are still voted for (found by the search in its first hours)"},
	{"accuse-across-views", "vote.go", "if s.committed.View == in.View {", "if s.committed.View >= 0 {", "an honest primary that was left behind is accused (found by the search)"},
	{"halt-on-other-set", "enter.go", "if s.committed.View < nv.View {", "if s.committed.View <= nv.View {", "a lying new primary stops an honest replica (found by the search)"},
	{"restored-active", "restore.go", "m.view, m.active, m.moving.justification = v.view, false, v.complaints", "m.view, m.active, m.moving.justification = v.view, true, v.complaints", "a restart turns moving into having entered"},
	{"silent-restart", "timer.go", "\tif !m.active {\n\t\tm.testify(out)\n\t}", "", "a replica that restarts while moving says nothing"},
	{"old-own-message", "enter.go", "own == nil || own.View != m.view {", "own == nil {", "a primary takes its own message of an earlier view (found by the first test)"},
	{"first-message-kept", "enter.go", "old == nil || in.View > old.View || in.From == m.p.Self {", "old == nil || in.From == m.p.Self {", "a replica's first view-change message is kept, not the newest"},
	// Not found by the simulator in 1,200 runs, but by the machine's pages: what is lost with
	// them is shown by others nearly always, or asked for again.
	{"prepared-not-recorded", "vote.go", "out.Records = append(out.Records, rec.record(),\n", "_ = rec\n\tout.Records = append(out.Records,\n", "the prepared certificate is not durable"},
	{"fixed-ignored", "vote.go", "case in.Seq <= m.fixed:", "case in.Seq <= m.fixed && false:", "the primary may propose again what the new view fixed"},
	{"view-change-once", "complaint.go", "\tm.moving.repeated = m.now\n\tif m.moving.mine != nil {", "\tm.moving.repeated = m.now\n\tif m.moving.mine != nil && m.now < 0 {", "view-change messages are not repeated"},
}

// A set of n - f + 1 messages lets two values have enough witnesses only as a tie, which
// the rule refuses (a test shows it); so it was not planted.

// Unfound are mutants that no search finds any more, and why.
var Unfound = []Mutant{
	// It was found while a collector could come back from a restart with a value that it had
	// accepted and not voted for. Since it votes for that at once the state cannot be reached.
	{"combine-again", "collect.go", "if in.Certificate == nil { // with one, nothing is combined a second time\n\t\tset.combining = false", "set.combining = false\n\tif in.Certificate == nil {", "a certificate is combined again and again (found by the search)"},
}
