package certificate

import (
	"math/rand"
	"testing"

	gnark "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func deal(t testing.TB, q quorum.Config, scheme string) (*Public, []*Private) {
	public, private, err := Deal(rand.New(rand.NewSource(7)), q, scheme)
	require.NoError(t, err)
	return public, private
}

func shares(t testing.TB, private []*Private, st Statement) []Share {
	var out []Share
	for _, p := range private {
		signer, err := p.Signer()
		require.NoError(t, err)
		s, err := signer.Sign(st)
		require.NoError(t, err)
		out = append(out, s)
	}
	return out
}

var statement = Statement{Ledger: ledger.ID{1}, Epoch: 2, View: 3, Seq: 4, Phase: Prepare, Digest: ledger.Hash{5}}

func schemes() []string { return []string{SchemeEd25519, SchemeBLS} }

func TestAnyThresholdOfSharesMakesACertificate(t *testing.T) {
	for _, scheme := range schemes() {
		for _, q := range []quorum.Config{{F: 0, C: 0}, {F: 1, C: 0}, {F: 1, C: 1}, {F: 2, C: 0}} {
			public, private := deal(t, q, scheme)
			for _, phase := range []Phase{Fast, Prepare, Commit, Checkpoint} {
				st := statement
				st.Phase = phase
				all := shares(t, private, st)
				rand.New(rand.NewSource(int64(phase))).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
				need := phase.Threshold(q)
				c, bad, err := public.Commit().Combine(st, all[:need])
				require.NoError(t, err)
				require.Empty(t, bad)
				require.NoError(t, public.Commit().Verify(st, c))
				require.LessOrEqual(t, len(c), CertificateBytesMax)
				_, _, err = public.Commit().Combine(st, all[:need-1])
				require.ErrorIs(t, err, ErrNotEnough)
				repeated := append(append([]Share{}, all[:need-1]...), all[0])
				if need > 1 {
					_, _, err = public.Commit().Combine(st, repeated)
					require.ErrorIs(t, err, ErrNotEnough, "a signer counts once")
				}
			}
		}
	}
}

func TestNothingSignedForOneThingIsValidForAnother(t *testing.T) {
	for _, scheme := range schemes() {
		public, private := deal(t, quorum.Config{F: 1}, scheme)
		c, _, err := public.Commit().Combine(statement, shares(t, private, statement))
		require.NoError(t, err)
		other := []Statement{statement, statement, statement, statement, statement, statement, statement, statement}
		other[0].Ledger[0]++
		other[1].Epoch++
		other[2].View++
		other[3].Seq++
		other[4].Phase = Commit
		other[5].Phase = Checkpoint
		other[6].Digest[31]++
		other[7].Phase = Fast
		for i, st := range other {
			require.ErrorIs(t, public.Commit().Verify(st, c), ErrInvalid, "%s case %d", scheme, i)
			s := shares(t, private, statement)[1]
			require.ErrorIs(t, public.Commit().VerifyShare(st, s), ErrShare, "%s case %d", scheme, i)
		}
		s := shares(t, private, statement)[1]
		require.NoError(t, public.Commit().VerifyShare(statement, s))
		s.Signer = 2
		require.ErrorIs(t, public.Commit().VerifyShare(statement, s), ErrShare, "somebody else's share")
		s.Signer = 4
		require.ErrorIs(t, public.Commit().VerifyShare(statement, s), ErrShare, "an index beyond n")
	}
}

func TestABadShareIsNamedAndTheRestStillCombine(t *testing.T) {
	for _, scheme := range schemes() {
		public, private := deal(t, quorum.Config{F: 1}, scheme)
		for liar := range 4 {
			all := shares(t, private, statement)
			wrong := statement
			wrong.Digest[0] ^= 1
			all[liar].Signature = shares(t, private, wrong)[liar].Signature
			c, bad, err := public.Commit().Combine(statement, all)
			require.NoError(t, err)
			require.NoError(t, public.Commit().Verify(statement, c))
			if len(bad) > 0 {
				require.Equal(t, []ledger.ReplicaID{ledger.ReplicaID(liar)}, bad)
			}
			all[(liar+1)%4].Signature = []byte("garbage")
			_, bad, err = public.Commit().Combine(statement, all)
			require.ErrorIs(t, err, ErrNotEnough)
			require.ElementsMatch(t, []ledger.ReplicaID{ledger.ReplicaID(liar), ledger.ReplicaID((liar + 1) % 4)}, bad)
		}
	}
}

func TestNoMutatedCertificateVerifies(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for _, scheme := range schemes() {
		public, private := deal(t, quorum.Config{F: 1}, scheme)
		c, _, err := public.Commit().Combine(statement, shares(t, private, statement))
		require.NoError(t, err)
		tries := len(c) * 8
		if scheme == SchemeBLS {
			tries = 60
		}
		for i := range tries {
			bit := i
			if scheme == SchemeBLS {
				bit = rnd.Intn(len(c) * 8)
			}
			m := append(Certificate{}, c...)
			m[bit/8] ^= 1 << (bit % 8)
			require.ErrorIs(t, public.Commit().Verify(statement, m), ErrInvalid, "%s bit %d", scheme, bit)
		}
		require.Error(t, public.Commit().Verify(statement, nil))
		require.Error(t, public.Commit().Verify(statement, c[:len(c)-1]))
		require.Error(t, public.Commit().Verify(statement, append(append(Certificate{}, c...), 0)))
	}
}

func TestBitmapsHaveOneForm(t *testing.T) {
	public, private := deal(t, quorum.Config{F: 1}, SchemeEd25519)
	all := shares(t, private, statement)
	c, _, err := public.Commit().Combine(statement, all[:3])
	require.NoError(t, err)
	beyond := append(Certificate{}, c...)
	beyond[1] = 0b0001_0011 // a signer that does not exist
	require.ErrorIs(t, public.Commit().Verify(statement, beyond), ErrInvalid)
	four := append(append(Certificate{}, c...), all[3].Signature...)
	four[1] = 0b1111 // more signers than the threshold
	require.ErrorIs(t, public.Commit().Verify(statement, four), ErrInvalid)
}

func TestExecutionCertificateAgreesWithASecondLibrary(t *testing.T) {
	for _, q := range []quorum.Config{{F: 1}, {F: 2}, {F: 3, C: 1}} {
		public, private := deal(t, q, SchemeEd25519)
		st := ExecutionStatement{Ledger: ledger.ID{9}, Height: 7, Block: ledger.Hash{1}, StateRoot: ledger.Hash{2}, ResultsRoot: ledger.Hash{3}}
		var first ExecutionCertificate
		for start := range q.N() - q.Weak() + 1 {
			var all []Share
			for i := range q.Weak() {
				all = append(all, private[(start+2*i)%q.N()].ExecutionSigner().Sign(st))
			}
			if len(distinct(all, q.N())) < q.Weak() {
				continue
			}
			c, bad, err := public.Execution().Combine(st, all)
			require.NoError(t, err)
			require.Empty(t, bad)
			if first == nil {
				first = c
			}
			require.Equal(t, first, c, "every subset gives the same signature")
		}
		require.Len(t, first, 48)
		require.NoError(t, VerifyExecution(public.Execution().LedgerKey(), st, first))
		require.True(t, gnarkVerify(t, public.Execution().LedgerKey(), st.Bytes(), first))
		st.Height++
		require.ErrorIs(t, VerifyExecution(public.Execution().LedgerKey(), st, first), ErrInvalid)
		require.False(t, gnarkVerify(t, public.Execution().LedgerKey(), st.Bytes(), first))
	}
}

func gnarkVerify(t *testing.T, key, msg, sig []byte) bool {
	var pk gnark.G2Affine
	_, err := pk.SetBytes(key)
	require.NoError(t, err)
	var s gnark.G1Affine
	_, err = s.SetBytes(sig)
	require.NoError(t, err)
	h, err := gnark.HashToG1(msg, []byte(blsTag))
	require.NoError(t, err)
	_, _, _, g2 := gnark.Generators()
	s.Neg(&s)
	ok, err := gnark.PairingCheck([]gnark.G1Affine{s, h}, []gnark.G2Affine{g2, pk})
	require.NoError(t, err)
	return ok
}

func TestKeysSurviveTheirFiles(t *testing.T) {
	for _, scheme := range schemes() {
		public, private := deal(t, quorum.Config{F: 1, C: 1}, scheme)
		again, err := ParsePublic(public.Marshal())
		require.NoError(t, err)
		require.Equal(t, public.Marshal(), again.Marshal())
		for i, p := range private {
			q, err := ParsePrivate(p.Marshal())
			require.NoError(t, err)
			require.NoError(t, q.Belongs(again))
			q.id = ledger.ReplicaID((i + 1) % len(private))
			require.ErrorIs(t, q.Belongs(again), ErrKeys, "a mixed-up key file")
		}
		cut := public.Marshal()
		for _, n := range []int{0, 10, len(cut) / 2, len(cut) - 1} {
			_, err := ParsePublic(cut[:n])
			require.ErrorIs(t, err, ErrKeys)
		}
	}
}

func TestTheIdentityIsNoKeyAndNoSignature(t *testing.T) {
	identity1 := append([]byte{0xc0}, make([]byte, 47)...)
	identity2 := append([]byte{0xc0}, make([]byte, 95)...)
	_, err := parseG1(identity1)
	require.Error(t, err)
	_, err = parseG2(identity2)
	require.Error(t, err)
	require.ErrorIs(t, VerifyExecution(identity2, ExecutionStatement{}, identity1), ErrKeys)
}

func FuzzParseKeys(f *testing.F) {
	for _, scheme := range schemes() {
		public, private := deal(f, quorum.Config{F: 0}, scheme)
		f.Add(public.Marshal())
		f.Add(private[0].Marshal())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParsePublic(b); err == nil {
			require.Equal(t, b, p.Marshal())
		}
		if p, err := ParsePrivate(b); err == nil {
			require.Equal(t, b, p.Marshal())
		}
	})
}

func FuzzVerifyCertificate(f *testing.F) {
	good := map[string]Certificate{}
	publics := map[string]*Public{}
	for _, scheme := range schemes() {
		public, private := deal(f, quorum.Config{F: 1}, scheme)
		c, _, err := public.Commit().Combine(statement, shares(f, private, statement))
		require.NoError(f, err)
		good[scheme], publics[scheme] = c, public
		f.Add([]byte(c))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		require.Error(t, publics[SchemeBLS].Commit().Verify(statement, append(Certificate(b), 0)))
		if publics[SchemeEd25519].Commit().Verify(statement, b) == nil {
			require.Len(t, b, len(good[SchemeEd25519]))
		}
	})
}

func BenchmarkCommitCertificate(b *testing.B) {
	for _, scheme := range schemes() {
		for _, q := range []quorum.Config{{F: 1}, {F: 2}, {F: 10}} {
			public, private := deal(b, q, scheme)
			all := shares(b, private, statement)
			name := scheme + "/" + q.String()
			signer, err := private[0].Signer()
			require.NoError(b, err)
			c, _, err := public.Commit().Combine(statement, all)
			require.NoError(b, err)
			b.Run("sign/"+name, func(b *testing.B) {
				for b.Loop() {
					_, _ = signer.Sign(statement)
				}
			})
			b.Run("combine/"+name, func(b *testing.B) {
				for b.Loop() {
					_, _, _ = public.Commit().Combine(statement, all)
				}
			})
			b.Run("verify/"+name, func(b *testing.B) {
				for b.Loop() {
					_ = public.Commit().Verify(statement, c)
				}
			})
		}
	}
}

func TestManyExecutionCertificatesAreVerifiedTogether(t *testing.T) {
	public, private := deal(t, quorum.Config{F: 1}, SchemeEd25519)
	var sts []ExecutionStatement
	var certs []ExecutionCertificate
	for h := range 5 {
		st := ExecutionStatement{Height: ledger.Height(h)}
		c, _, err := public.Execution().Combine(st, []Share{private[h%4].ExecutionSigner().Sign(st), private[(h+1)%4].ExecutionSigner().Sign(st)})
		require.NoError(t, err)
		sts, certs = append(sts, st), append(certs, c)
	}
	rnd := rand.New(rand.NewSource(5))
	require.NoError(t, public.Execution().VerifyMany(rnd, sts, certs))
	certs[1], certs[2] = certs[2], certs[1] // their sum is still right
	require.ErrorIs(t, public.Execution().VerifyMany(rnd, sts, certs), ErrInvalid)
}
