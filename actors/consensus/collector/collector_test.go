package collector

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func machine(self ledger.ReplicaID) *Machine {
	return New(Params{Self: self, Quorum: quorum.Config{F: 1}, Window: 8, Retry: 100}, 0)
}

func outcome(h ledger.Height, id, first ledger.ReplicaID) Outcome {
	return Outcome{Statement: certificate.ExecutionStatement{Height: h}, First: first, Share: certificate.Share{Signer: id, Signature: []byte{byte(id)}}}
}

func TestACollectorCombinesWhatItComputedItself(t *testing.T) {
	m := machine(1)
	var out Output
	m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: 1}, Share: certificate.Share{Signer: 2, Signature: []byte{2}}}, &out)
	m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: 1}, Share: certificate.Share{Signer: 3, Signature: []byte{3}}}, &out)
	require.Empty(t, out.Combine, "two replicas may both be wrong for all it knows")
	m.OnOutcome(0, outcome(1, 1, 1), &out)
	require.Len(t, out.Combine, 1)
	require.Len(t, out.Combine[0].Shares, 3)
	c := Combined{Statement: out.Combine[0].Statement, Certificate: certificate.ExecutionCertificate("c")}
	out = Output{}
	m.OnCombined(c, &out)
	require.Len(t, out.Broadcast, 1)
	require.Len(t, out.Certified, 1)
	m.OnCombined(c, &out)
	require.Len(t, out.Certified, 1, "each height once")
	m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: 1}, Share: certificate.Share{Signer: 0}}, &out)
	require.Len(t, out.Answer, 1, "who comes late gets the certificate")
}

func TestALiarIsDroppedAndTheRestCombine(t *testing.T) {
	m := machine(0)
	var out Output
	m.OnOutcome(0, outcome(1, 0, 0), &out)
	m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: 1}, Share: certificate.Share{Signer: 3, Signature: []byte("bad")}}, &out)
	require.Len(t, out.Combine, 1)
	out = Output{}
	m.OnCombined(Combined{Statement: certificate.ExecutionStatement{Height: 1}, Bad: []ledger.ReplicaID{3}}, &out)
	require.Equal(t, []ledger.ReplicaID{3}, out.Liars)
	require.Empty(t, out.Combine)
	m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: 1}, Share: certificate.Share{Signer: 2, Signature: []byte{2}}}, &out)
	require.Len(t, out.Combine, 1)
	require.Len(t, out.Combine[0].Shares, 2)
}

func TestADeadCollectorIsPassedBy(t *testing.T) {
	m := machine(0)
	var out Output
	m.OnOutcome(0, outcome(1, 0, 2), &out)
	require.Equal(t, ledger.ReplicaID(2), out.Send[0].To)
	require.True(t, out.Retry)
	asked := map[ledger.ReplicaID]bool{}
	for now := int64(100); now <= 400; now += 100 {
		out = Output{}
		m.OnRetry(now, &out)
		for _, s := range out.Send {
			asked[s.To] = true
		}
		require.True(t, out.Retry)
	}
	require.Len(t, asked, 3, "all others in turn")
	m.Believe(1)
	out = Output{}
	m.OnRetry(900, &out)
	require.Empty(t, out.Send, "a certificate is here and only waits to be verified")
	m.Doubt(1, &out)
	m.OnRetry(1000, &out)
	require.NotEmpty(t, out.Send)
}

func TestADifferentCertifiedOutcomeIsReported(t *testing.T) {
	m := machine(0)
	var out Output
	m.OnOutcome(0, outcome(1, 0, 1), &out)
	other := certificate.ExecutionStatement{Height: 1, StateRoot: ledger.Hash{1}}
	m.OnCertified(Certified{Statement: other, Certificate: []byte("c")}, &out)
	require.Len(t, out.Divergent, 1)
}

func TestMemoryIsBounded(t *testing.T) {
	m := machine(0)
	var out Output
	for h := ledger.Height(1); h <= 1000; h++ {
		m.OnOutcome(0, outcome(h, 0, 1), &out)
		m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: h + 1_000_000}, Share: certificate.Share{Signer: 1}}, &out)
		for range 10 {
			m.OnShare(Share{Statement: certificate.ExecutionStatement{Height: h + 3}, Share: certificate.Share{Signer: 1}}, &out)
		}
		require.LessOrEqual(t, len(m.heights), 16)
		for _, e := range m.heights {
			require.LessOrEqual(t, len(e.shares), 4)
		}
	}
}
