package capture

import (
	"bytes"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// A recordedStream is what one socket has received, or what was sent to its peer: the
// beginning and the end of it.
type recordedStream struct {
	head, tail           []piece
	headBytes, tailBytes int
	total                int64 // bytes so far
	leftOut              int64 // between head and tail
	memory               []byte
}

// A piece is what was read or written at once, or an end.
type piece struct {
	at     time.Time
	kind   event.Kind // Bytes, FIN or RST
	offset int64      // in the stream
	bytes  []byte
}

// add keeps a piece. Room is how many first bytes of all streams may still be kept.
func (s *recordedStream) add(p link.Passage, room *int) {
	n := len(p.Bytes)
	one := piece{at: p.At, kind: p.Kind, offset: s.total}
	s.total += int64(n)
	whole := len(s.tail) == 0 && s.leftOut == 0
	switch {
	case whole && (n == 0 || s.headBytes+n <= keptHead && len(s.head) < keptPieces && *room >= n):
		one.bytes = s.copyBytes(p.Bytes)
		s.head = append(s.head, one)
		s.headBytes += n
		*room -= n
	default:
		s.addTail(one, p.Bytes)
	}
}

// addTail keeps a piece of the end of the stream, and leaves out what was that before.
func (s *recordedStream) addTail(one piece, b []byte) {
	if more := len(b) - keptTail; more > 0 {
		s.dropTail(len(s.tail))
		s.leftOut += int64(more)
		one.offset += int64(more)
		b = b[more:]
	}
	one.bytes = bytes.Clone(b)
	s.tail = append(s.tail, one)
	s.tailBytes += len(b)
	drop := 0
	for left := s.tailBytes; left > keptTail || len(s.tail)-drop > keptPieces/2; drop++ {
		left -= len(s.tail[drop].bytes)
	}
	s.dropTail(drop)
}

// dropTail leaves out the first n pieces of the tail. Ends come last, so that they stay.
func (s *recordedStream) dropTail(n int) {
	for _, p := range s.tail[:n] {
		s.tailBytes -= len(p.bytes)
		s.leftOut += int64(len(p.bytes))
	}
	s.tail = s.tail[n:]
}

// copyBytes returns a copy of b. Small ones share memory.
func (s *recordedStream) copyBytes(b []byte) []byte {
	if len(b) > cap(s.memory)-len(s.memory) {
		s.memory = make([]byte, 0, max(len(b), min(4096, 2*len(b)+2*s.headBytes)))
	}
	at := len(s.memory)
	s.memory = append(s.memory, b...)
	return s.memory[at:len(s.memory):len(s.memory)]
}
