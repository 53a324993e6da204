package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A tar file is written in one way only, so that each of its bytes can be checked: no
// times, no owners, one form of header.

const tarBlock = 512

var errTar = errors.New("the tar file is damaged, or another program made it: unpack it and use the folder")

// tarHeader is the header of a file.
func tarHeader(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
	return b.Bytes(), err
}

// tarPadding is how many zeros follow a file.
func tarPadding(size int64) int64 { return (tarBlock - size%tarBlock) % tarBlock }

// section is where a file lies.
type section struct{ offset, size int64 }

// tarIndex finds the files of a tar file and checks every byte that is not theirs.
func tarIndex(r io.ReaderAt, size int64) (names []string, files map[string]section, err error) {
	files = map[string]section{}
	head := make([]byte, tarBlock)
	for at := int64(0); ; {
		if err := readAt(r, head, at); err != nil {
			return nil, nil, err
		}
		if isZero(head) {
			return names, files, tarEnd(r, at, size)
		}
		name, f, err := tarFile(head, at, size)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := files[name]; twice {
			return nil, nil, fmt.Errorf("%w: %s is there twice", errTar, name)
		}
		if err := tarZeros(r, f.offset+f.size, tarPadding(f.size)); err != nil {
			return nil, nil, fmt.Errorf("behind %s: %w", name, err)
		}
		names, files[name] = append(names, name), f
		at = f.offset + f.size + tarPadding(f.size)
	}
}

// tarFile reads a header, which must be the very one that would be written.
func tarFile(head []byte, at, size int64) (string, section, error) {
	name, _, _ := strings.Cut(string(head[:100]), "\x00")
	n, err := strconv.ParseInt(string(head[124:135]), 8, 64)
	if err != nil || n < 0 {
		return "", section{}, fmt.Errorf("%w: the header at byte %d", errTar, at)
	}
	want, err := tarHeader(name, n)
	if err != nil || !bytes.Equal(want, head) {
		return "", section{}, fmt.Errorf("%w: the header at byte %d", errTar, at)
	}
	f := section{offset: at + tarBlock, size: n}
	if n > size || f.offset+n > size {
		return "", section{}, fmt.Errorf("%w: it is cut off in %s", errTar, name)
	}
	return name, f, nil
}

func tarEnd(r io.ReaderAt, at, size int64) error {
	if size-at != 2*tarBlock {
		return fmt.Errorf("%w: it does not end at byte %d", errTar, at+2*tarBlock)
	}
	return tarZeros(r, at, size-at)
}

func tarZeros(r io.ReaderAt, at, n int64) error {
	b := make([]byte, n)
	if err := readAt(r, b, at); err != nil {
		return err
	}
	if !isZero(b) {
		return fmt.Errorf("%w: there is something at byte %d", errTar, at)
	}
	return nil
}

// readAt fills b. A ReaderAt may speak of the end although it gave everything.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is cut off at byte %d", errTar, at+int64(n))
	}
	return fmt.Errorf("byte %d: %w", at, err)
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
