package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
)

// Recipients are for whom a backup is encrypted: public keys of age, or a passphrase from a
// file.
func Recipients(public []string, passphraseFile string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, text := range public {
		some, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%q is no public key of age, such as age1…: %w", text, err)
		}
		out = append(out, some...)
	}
	if passphraseFile == "" {
		return out, nil
	}
	if len(out) > 0 {
		return nil, errors.New("a backup is encrypted with a passphrase or for recipients, not for both")
	}
	phrase, err := passphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(phrase)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase: %w", err)
	}
	r.SetWorkFactor(passphraseWork)
	return []age.Recipient{r}, nil
}

// Identities open an encrypted backup: files of age's secret keys, or a passphrase from a
// file.
func Identities(files []string, passphraseFile string) ([]age.Identity, error) {
	var out []age.Identity
	for _, path := range files {
		raw, err := secretFile(path)
		if err != nil {
			return nil, err
		}
		some, err := age.ParseIdentities(strings.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("%s holds no secret key of age: %w", path, err)
		}
		out = append(out, some...)
	}
	if passphraseFile == "" {
		return out, nil
	}
	phrase, err := passphrase(passphraseFile)
	if err != nil {
		return nil, err
	}
	i, err := age.NewScryptIdentity(phrase)
	if err != nil {
		return nil, fmt.Errorf("use the passphrase: %w", err)
	}
	i.SetMaxWorkFactor(passphraseWorkMax)
	return append(out, i), nil
}

// passphraseWork is the logarithm of what a try costs, age's own default: about a second.
var passphraseWork = 18

// passphraseWorkMax bounds what a file may ask of whoever opens it: some seconds and a
// gigabyte of memory.
const passphraseWorkMax = 20

const passphraseMin = 12 // characters: whoever has the file can try many

// passphrase reads the first line of a file, or of the standard input for "-".
func passphrase(path string) (string, error) {
	text := ""
	if path == "-" {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, 1<<12))
		if err != nil {
			return "", fmt.Errorf("read the passphrase: %w", err)
		}
		text = string(raw)
	} else {
		var err error
		if text, err = secretFile(path); err != nil {
			return "", err
		}
	}
	line, _, _ := strings.Cut(text, "\n")
	if line = strings.TrimRight(line, "\r"); len(line) < passphraseMin {
		return "", fmt.Errorf("a passphrase needs %d characters at least", passphraseMin)
	}
	return line, nil
}

func secretFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&fs.FileMode(0o077) != 0 {
		return "", fmt.Errorf("others may read %s; run chmod 600 on it", path)
	}
	raw, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return string(raw), nil
}
