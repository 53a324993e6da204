// Package exampletest tests an example contract that is written in Go and in Rust.
//
// An example is a folder with go/, rust/, schema.json, behaviour.txt and
// vectors.txt. behaviour.txt says in words how the contract behaves; vectors.txt is
// the same for machines, with the state that each case leaves. Check builds both
// contracts and replays the vectors on both modules, compiled and interpreted; the
// test kits of the SDKs replay them natively. Everything that is made is written anew
// by
//
//	go test ./contracts-sdk/examples/... -update
//
// behaviour.txt, where each case begins with an empty ledger:
//
//	case TITLE
//	time +24h                                the block's time moves on
//	call WHO METHOD name=value…              a transaction
//	call WHO CONTRACT.METHOD name=value…     one of another contract, which must succeed
//	query WHO METHOD name=value…             a question, which sees public records alone
//	raw WHO METHOD HEX                       a transaction with these bytes as arguments
//	ok name=value…                           what came of it: an output,
//	fail CODE MESSAGE                        a failure,
//	trap                                     or a trap
//	key NAME ed25519|p256                    a key, made of its name; its public part is $NAME
//	sign NAME KEY "TEXT"                     a signature by it, which is $NAME then
//	deny NAME KEY "TEXT"                     that signature does not hold for this text
//	event TOPIC name=value… for=ENTRY,ENTRY  what it told, in order, and whom
//
// WHO is a party, with attributes and the contract that calls where they matter:
// carol@c{role=inspector}|escrow. A value with spaces stands in double quotes; @24h as
// a value is the time 24 hours after that of the first block, in nanoseconds, and
// <token.transfer to=bob@b amount=5> is bytes, the arguments of that call. $NAME is
// written in hexadecimal digits behind 0x; $NAME:hex without it, $NAME:base64 for JSON.
//
// vectors.txt has the same lines with bytes in hexadecimal, and "setup" for calls of
// other contracts, "asks" for what the contract asked others and what they answered,
// "time" with the time in nanoseconds, "crypto" for what the next call asks of the
// ledger's cryptography, with the answer, and "state" for each record left.
package exampletest
