package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind is what an archive holds.
type Kind string

// The kinds.
const (
	KindSnapshot Kind = "snapshot"
	KindBackup   Kind = "backup"
)

const (
	sumsFile      = "SUMS"
	layoutVersion = 1
)

// sums are the digests of an archive's files. Its own last line is the digest of the
// lines above.
type sums struct {
	kind  Kind
	files []sum // ascending
}

type sum struct {
	name   string
	digest [sha256.Size]byte
}

var errSums = errors.New("it cannot be read")

// fileName is what a file of an archive may be called.
var fileName = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9._-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)

func (s *sums) add(name string, raw []byte) {
	s.files = append(s.files, sum{name: name, digest: sha256.Sum256(raw)})
}

// marshal is the file's text, whatever the order in which files were added.
func (s *sums) marshal() []byte {
	slices.SortFunc(s.files, func(a, b sum) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	fmt.Fprintf(&b, "# concordat %s %d\n", s.kind, layoutVersion)
	for _, f := range s.files {
		fmt.Fprintf(&b, "%x  %s\n", f.digest, f.name)
	}
	fmt.Fprintf(&b, "# %x\n", sha256.Sum256(b.Bytes()))
	return b.Bytes()
}

// parseSums accepts exactly what marshal gives.
func parseSums(raw []byte) (*sums, error) {
	s := &sums{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	version := 0
	if lines.Scan() {
		if n, err := fmt.Sscanf(lines.Text(), "# concordat %s %d", &s.kind, &version); n != 2 || err != nil {
			return nil, fmt.Errorf("%w: it does not begin like one", errSums)
		}
	}
	if version != layoutVersion {
		return nil, fmt.Errorf("%w: its layout has version %d; this program knows version %d", errSums, version, layoutVersion)
	}
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "#") {
		digest, name, _ := strings.Cut(lines.Text(), "  ")
		f := sum{name: name}
		if n, err := hex.Decode(f.digest[:], []byte(digest[:min(len(digest), 2*sha256.Size)])); err != nil || n != sha256.Size {
			return nil, fmt.Errorf("%w: a digest is malformed", errSums)
		}
		if !fileName.MatchString(name) || name == sumsFile || len(s.files) > 0 && s.files[len(s.files)-1].name >= name {
			return nil, fmt.Errorf("%w: there is a file that cannot be called %q there", errSums, name)
		}
		s.files = append(s.files, f)
	}
	if !bytes.Equal(s.marshal(), raw) {
		return nil, fmt.Errorf("%w: its last line is not the digest of the others", errSums)
	}
	return s, nil
}
