// Package model holds a written model of the view change with both ways to commit and
// c > 0, and the test that holds the ordering machine against it.
//
// The model is in Quint (https://quint-lang.org). rule.qnt is the new-view rule as a
// pure function, what sbft/newview.go is in Go; it is written from the paper's words, with
// sets only, so that it does not share that code's mistakes. sbft.qnt is everything
// around it: replicas, votes, certificates, view-change and new-view messages, the
// invariants, and how chance draws a run. Its actions carry the rule ids of sbft/rule.go.
// instances.qnt gives it numbers: n = 4 (f = 1, c = 0) and n = 6 (f = 1, c = 1), once as
// the machine is built, once with the fast path in every view, as the paper has it.
// broken.qnt has one wrong number each.
//
// # What is covered
//
// One slot, views 0 to 3, two proposals and the empty one, f liars that are drawn anew in
// each run. Liars sign everything, so a certificate exists as soon as honest shares and
// theirs suffice; they propose different values to different replicas, claim to have
// accepted anything, show or hide any certificate that exists, and send two new views of
// different sets. What they cannot do is forge shares of others. Every message may be
// late, lost, or reach only some.
//
// Invariants, checked after each step: no two values can be committed, by either path,
// in any views; an honest replica votes once a view; a view has one prepared value; what
// is committed is all that later views vote for or make of the slot; evidence never
// contradicts itself; two values never share the best view of witnesses; nobody enters a
// view that contradicts a commit it knows.
//
// # What is not
//
// Checkpoints and windows (one slot; nothing is stable), liveness (anyone may leave a
// view at any time; complaints and timers are given to the machine as needed),
// crashes between two steps (but after each step of a replay every machine is also
// started from its records, and must know and sign the same), bodies that cannot be
// fetched, proposals that arrive before their view, clients. Nothing is exhaustive: these are random runs. An
// exhaustive check of the model needs Quint's other back ends, which are downloads.
//
// # How the machine is held against it
//
// A trace is a run of the model in the Informal Trace Format: testdata holds some that
// chance drew and one for each schedule of n4 and n6. replay plays it: honest replicas
// are real machines, liars are forged with stand-ins for signatures, and nothing travels
// but what the trace says. Collectors are given shares and combine themselves; the others
// get certificates, which are only made when enough shares really left. After each step
// must agree: the view and whether it is active, what is accepted, prepared (both as read
// from a copy that is started from the vote log) and committed, with view and path; all
// shares ever signed; every view-change message, the new view's set, and what
// NewViewChoices makes of it.
//
// Where the model says "any", the machine is more definite: it votes on the fast path in
// view 0 and otherwise only where a free slot's primary asks for it. n4 and n6 do the same;
// the instances named paper do not and are not replayed.
//
// # Figures
//
// November 2026, runs of at most 24 steps with every invariant on, no violation: 1,000 each
// of n4, n6, paper4 and paper6 in 11 to 72 s; with earlier weights of chance about 2,300 more
// of n6 and 1,300 of n4. Of 60 runs some 33 commit fast, 50 slowly, 3 to 6
// adopt a value by witnesses where a fast commit may exist, 15 choose null, 25 find a commit
// in the set. Later witnesses that override a certificate, and certificates that beat
// witnesses of their view, come about once in 300 runs or less: these have schedules.
//
// Committed: 267 traces, 4,033 steps, 802 new views; five seconds on a busy machine.
//
// Agreement breaks by chance after about so many runs (one search each, rate times time,
// partly with earlier weights):
//
//	wrong number                      n = 4         n = 6
//	>= for >                          250           390
//	witnesses always win              620           115
//	certificates always win           by schedule   by schedule
//	f + c witnesses                   2             by schedule
//	f + c + 2 witnesses               120           by schedule
//	a message less than n - f         70            by schedule
//	a share less for a fast commit    80            90
//	a share less for the slow path    25            90
//	votes on after leaving            180           550
//	f + 1 liars                       17            55
//
// By schedule: 1,000 runs did not find it. With a message more than n - f agreement holds; what
// breaks, by schedule, is that two values never share the best view of witnesses.
//
// # Running it
//
// Plain "go test ./integration/model" replays what is committed. For fresh traces and all
// schedules, in a folder outside the repository:
//
//	npm init -y && npm pkg set overrides.antlr4ts=0.5.0-alpha.4 && npm install @informalsystems/quint@0.33.0
//	CONCORDAT_QUINT=$PWD/node_modules/.bin/quint CONCORDAT_QUINT_SAMPLES=250 go test -v ./integration/model
//
// The seed is printed; CONCORDAT_QUINT_SEED repeats a run. By hand, in this folder:
//
//	export QUINT_RETRY_NONDET_SMALLER_THAN=1
//	quint run instances.qnt --backend=typescript --main=n6 --invariant=safe --max-samples=10000 --max-steps=24
//	quint test broken.qnt --backend=typescript --main=notLater6 --max-samples=1
package model
