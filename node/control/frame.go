package control

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The kinds of frames.
const (
	framePiece byte = 1 // length and name, length and bytes
	frameError byte = 2 // the same; the name is empty, the bytes are text
	frameEnd   byte = 3
)

const (
	nameBytesMax  = 128
	pieceBytesMax = 256 << 20
)

var errFrame = errors.New("the replica's answer is malformed")

func writeFrame(w *bufio.Writer, kind byte, name string, raw []byte) error {
	if len(name) > nameBytesMax || len(raw) > pieceBytesMax {
		return fmt.Errorf("%w: %s has %d bytes", errFrame, name, len(raw))
	}
	head := append([]byte{kind, byte(len(name))}, name...)
	head = binary.BigEndian.AppendUint32(head, uint32(len(raw))) // #nosec G115 -- compared above
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	return w.Flush()
}

func readFrame(r *bufio.Reader) (kind byte, name string, raw []byte, err error) {
	head := make([]byte, 2+nameBytesMax+4)
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, "", nil, fmt.Errorf("%w: it is cut off", errFrame)
	}
	kind, n := head[0], int(head[1])
	if kind < framePiece || kind > frameEnd || n > nameBytesMax {
		return 0, "", nil, errFrame
	}
	if _, err := io.ReadFull(r, head[:n+4]); err != nil {
		return 0, "", nil, fmt.Errorf("%w: it is cut off", errFrame)
	}
	name = string(head[:n])
	size := int64(binary.BigEndian.Uint32(head[n : n+4]))
	if size > pieceBytesMax {
		return 0, "", nil, fmt.Errorf("%w: %s has %d bytes", errFrame, name, size)
	}
	raw, err = io.ReadAll(io.LimitReader(r, size)) // grows with what comes, not with what is claimed
	if err == nil && int64(len(raw)) != size {
		err = fmt.Errorf("%w: it is cut off in %s", errFrame, name)
	}
	return kind, name, raw, err
}
