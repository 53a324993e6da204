package pagelog

import (
	"encoding/binary"
	"errors"
)

// Check reads what stands from an address on, about so many bytes of it, up to the end at
// which the log was durable, and returns where to go on; that end, when all is read.
// Errors: *Corrupt and those of Read; to go on behind damage is then not possible before
// the next segment, whose address is returned.
func (l *Log) Check(from, end uint64, about int) (next uint64, read int, err error) {
	for from < end && read < about {
		if Segment(from) < Segment(end) {
			stop, err := l.endOf(Segment(from))
			if err != nil {
				return First(Segment(from) + 1), read, err
			}
			if from >= stop {
				from = First(Segment(from) + 1)
				continue
			}
		}
		size, err := l.checkPage(from)
		if err != nil {
			return min(First(Segment(from)+1), end), read, err
		}
		from, read = from+uint64(size), read+size // #nosec G115 -- positive
	}
	if from < end && Segment(from) == Segment(end) || from < end && read >= about {
		return from, read, nil
	}
	return end, read, nil
}

func (l *Log) checkPage(addr uint64) (int, error) {
	b, err := l.bytes(addr, frameBytes)
	if err != nil {
		return 0, err
	}
	size := int64(binary.BigEndian.Uint32(b))
	if size == 0 || size > PageBytesMax {
		return 0, &Corrupt{addr, "no page has such a length"}
	}
	_, err = l.Read(addr, int(size))
	return frameBytes + int(size), err
}

// endOf tells where a segment that is not the last ended: the next one says it.
func (l *Log) endOf(n uint32) (uint64, error) {
	b, err := l.bytes(address(n+1, 0), headerBytes)
	var short *Corrupt
	if errors.As(err, &short) {
		return 0, &Corrupt{First(n + 1), short.Reason}
	}
	if err != nil {
		return 0, err
	}
	return parseHeader(n+1, b)
}
