package benchmarks_test

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

func key(b *testing.B) signature.PrivateKey {
	k, err := signature.Generate(rand.New(rand.NewSource(1)))
	require.NoError(b, err)
	return k
}

// envelope is a signed transfer of about 250 bytes.
func envelope(b *testing.B, k signature.PrivateKey) []byte {
	return client.Signer{Party: "bench@org0", Key: k}.Sign(ledger.ID{1}, client.Call{Contract: "token", Method: "transfer", Args: make([]byte, 40)})
}

func BenchmarkSignature(b *testing.B) {
	k := key(b)
	message := make([]byte, 180)
	sig := k.Sign(message)
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			k.Sign(message)
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if !signature.Verify(k.Public(), message, sig) {
				b.Fatal("it does not verify")
			}
		}
	})
	for _, n := range []int{16, 64, 256} {
		b.Run(fmt.Sprintf("batch of %d", n), func(b *testing.B) {
			for b.Loop() {
				var batch signature.Batch
				for range n {
					batch.Add(k.Public(), message, sig)
				}
				if all, _ := batch.Verify(); !all {
					b.Fatal("the batch does not verify")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/signature")
		})
	}
}

func BenchmarkEncoding(b *testing.B) {
	raw := envelope(b, key(b))
	e, err := ledger.ParseEnvelope(raw)
	require.NoError(b, err)
	tx, err := ledger.ParseTransaction(e.Payload)
	require.NoError(b, err)
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			e, err := ledger.ParseEnvelope(raw)
			if err == nil {
				_, err = ledger.ParseTransaction(e.Payload)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			e.Payload = tx.Marshal()
			e.Marshal()
		}
	})
	b.Run("id", func(b *testing.B) {
		for b.Loop() {
			ledger.TransactionID(e.Payload)
		}
	})
}

func BenchmarkCertificate(b *testing.B) {
	q := quorum.Config{F: 1}
	st := certificate.Statement{Ledger: ledger.ID{1}, View: 1, Seq: 1, Phase: certificate.Fast, Digest: ledger.Hash{5}}
	for _, name := range []string{certificate.SchemeEd25519, certificate.SchemeBLS} {
		public, private, err := certificate.Deal(rand.New(rand.NewSource(7)), q, name)
		require.NoError(b, err)
		scheme := public.Commit()
		var shares []certificate.Share
		var signer certificate.Signer
		for _, p := range private {
			signer, err = p.Signer()
			require.NoError(b, err)
			s, err := signer.Sign(st)
			require.NoError(b, err)
			shares = append(shares, s)
		}
		b.Run(name+"/share", func(b *testing.B) {
			for b.Loop() {
				if _, err := signer.Sign(st); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/combine", func(b *testing.B) {
			for b.Loop() {
				if _, _, err := scheme.Combine(st, shares); err != nil {
					b.Fatal(err)
				}
			}
		})
		c, _, err := scheme.Combine(st, shares)
		require.NoError(b, err)
		b.Run(name+"/verify", func(b *testing.B) {
			for b.Loop() {
				if err := scheme.Verify(st, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkExecutionCertificate(b *testing.B) {
	public, private, err := certificate.Deal(rand.New(rand.NewSource(7)), quorum.Config{F: 1}, certificate.SchemeEd25519)
	require.NoError(b, err)
	scheme := public.Execution()
	const many = 32
	var statements []certificate.ExecutionStatement
	var certificates []certificate.ExecutionCertificate
	var shares []certificate.Share
	for i := range many {
		st := certificate.ExecutionStatement{Ledger: ledger.ID{1}, Height: ledger.Height(i + 1)}
		shares = nil
		for _, p := range private[:2] {
			shares = append(shares, p.ExecutionSigner().Sign(st))
		}
		c, _, err := scheme.Combine(st, shares)
		require.NoError(b, err)
		statements, certificates = append(statements, st), append(certificates, c)
	}
	last := statements[many-1]
	b.Run("share", func(b *testing.B) {
		signer := private[0].ExecutionSigner()
		for b.Loop() {
			signer.Sign(last)
		}
	})
	b.Run("combine", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := scheme.Combine(last, shares); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if err := scheme.Verify(last, certificates[many-1]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(fmt.Sprintf("verify %d together", many), func(b *testing.B) {
		random := rand.New(rand.NewSource(2))
		for b.Loop() {
			if err := scheme.VerifyMany(random, statements, certificates); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*many), "ns/certificate")
	})
}

func BenchmarkContract(b *testing.B) {
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(b, err)
	e, err := wasm.New(b.Context(), wasm.Config{})
	require.NoError(b, err)
	const gas = 100_000_000
	for _, language := range []string{"go", "rust"} {
		code := map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust}[language]
		b.Run("compile/"+language, func(b *testing.B) {
			for b.Loop() {
				m, err := e.Compile(b.Context(), code)
				if err != nil {
					b.Fatal(err)
				}
				_ = m.Close(b.Context())
			}
		})
		m, err := e.Compile(b.Context(), code)
		require.NoError(b, err)
		ledgerState := wasmtest.New()
		for _, c := range [][]string{{"init", "symbol=EUR"}, {"mint", "to=alice@a", "amount=1000000000"}} {
			args, err := s.ArgsFromPairs(c[0], c[1:])
			require.NoError(b, err)
			require.Equal(b, wasm.OK, ledgerState.Call(m, wasm.Call{Method: c[0], Args: args, Caller: "admin@a"}, gas).Status)
		}
		args, err := s.ArgsFromPairs("transfer", []string{"to=bob@b", "amount=1", "memo=a purpose of thirty characters"})
		require.NoError(b, err)
		call := wasm.Call{Method: "transfer", Args: args, Caller: "alice@a", Self: "token"}
		b.Run("transfer/"+language, func(b *testing.B) {
			var used uint64
			for b.Loop() {
				o := m.Call(&call, ledgerState, gas)
				if o.Status != wasm.OK {
					b.Fatal(o)
				}
				used = o.GasUsed
				ledgerState.Events = ledgerState.Events[:0]
			}
			b.ReportMetric(float64(used), "gas/op")
		})
		require.NoError(b, m.Close(b.Context()))
	}
}

func BenchmarkMerkle(b *testing.B) {
	leaves := make([][]byte, 1000)
	for i := range leaves {
		leaves[i] = make([]byte, 160)
	}
	b.Run("results of 1000", func(b *testing.B) {
		for b.Loop() {
			ledger.NewMerkleTree(leaves)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(leaves)), "ns/tx")
	})
	set := func(i, size int) tree.Change {
		return tree.Change{Key: state.Place(nil, fmt.Appendf(nil, "key %06d", i)), Record: state.RecordHash(make([]byte, size)), Size: size}
	}
	all := make([]tree.Change, 100_000)
	for i := range all {
		all[i] = set(i, 40)
	}
	whole, err := tree.New(nil).Apply(all)
	require.NoError(b, err)
	for _, n := range []int{1, 100, 1000} {
		changes := make([]tree.Change, n)
		b.Run(fmt.Sprintf("state, %d of 100000 keys", n), func(b *testing.B) {
			for b.Loop() {
				for i := range changes {
					changes[i] = set(i*97%100_000, 41)
				}
				_, err := whole.Apply(changes)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/key")
		})
	}
}
