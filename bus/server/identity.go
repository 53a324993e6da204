package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/concordat-ledger/concordat/ledger"
)

// Identity is a member's secret on the bus: an NKey and a TLS certificate with
// its key. Both are pinned in genesis.
type Identity struct {
	Seed string `json:"nkey_seed"` // SU...
	Cert string `json:"certificate"`
	Key  string `json:"key"`
}

// certificateYears is how long a member's self-signed certificate is valid. It is
// pinned by fingerprint, so its end is a reminder, not a protection.
const certificateYears = 10

// NewIdentity draws a fresh identity.
func NewIdentity(name string) (Identity, error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return Identity{}, fmt.Errorf("draw an NKey: %w", err)
	}
	seed, err := user.Seed()
	if err != nil {
		return Identity{}, fmt.Errorf("read the new NKey: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, fmt.Errorf("draw a TLS key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return Identity{}, fmt.Errorf("draw a certificate's serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Identity{}, fmt.Errorf("make a TLS certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Identity{}, fmt.Errorf("write a TLS key: %w", err)
	}
	return Identity{
		Seed: string(seed),
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
	}, nil
}

// Certificate is the identity's TLS side.
func (i Identity) Certificate() (tls.Certificate, error) {
	c, err := tls.X509KeyPair([]byte(i.Cert), []byte(i.Key))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the bus identity's certificate: %w", err)
	}
	return c, nil
}

// Fingerprint is the SHA-256 of the certificate's DER bytes.
func (i Identity) Fingerprint() (ledger.Hash, error) {
	c, err := i.Certificate()
	if err != nil {
		return ledger.Hash{}, err
	}
	return sha256.Sum256(c.Certificate[0]), nil
}

// KeyPair is the identity's NKey.
func (i Identity) KeyPair() (nkeys.KeyPair, error) {
	k, err := nkeys.FromSeed([]byte(i.Seed))
	if err != nil {
		return nil, fmt.Errorf("read the bus identity's NKey: %w", err)
	}
	return k, nil
}

// PublicNKey is the key that others know it by.
func (i Identity) PublicNKey() (string, error) {
	k, err := i.KeyPair()
	if err != nil {
		return "", err
	}
	return k.PublicKey()
}

// SaveIdentity writes the identity to a file that only its owner may read.
func SaveIdentity(path string, i Identity) error {
	b, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return fmt.Errorf("write a bus identity: %w", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("write a bus identity: %w", err)
	}
	return nil
}

// LoadIdentity reads it, and refuses a file that others may read.
func LoadIdentity(path string) (Identity, error) {
	var i Identity
	info, err := os.Stat(path)
	if err != nil {
		return i, fmt.Errorf("read a bus identity: %w", err)
	}
	if info.Mode().Perm()&fs.FileMode(0o077) != 0 {
		return i, fmt.Errorf("read a bus identity: others may read %s; run chmod 600 on it", path)
	}
	b, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return i, fmt.Errorf("read a bus identity: %w", err)
	}
	if err := json.Unmarshal(b, &i); err != nil {
		return i, fmt.Errorf("read a bus identity from %s: %w", path, err)
	}
	return i, nil
}
