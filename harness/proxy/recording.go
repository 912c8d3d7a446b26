package proxy

import (
	"slices"
	"sync"
	"time"

	tpstream "github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics/hook"
)

// recordingStage is the name of what records, in the chain of a link.
const recordingStage = "recording"

// keptPieces is how many pieces of a stream are kept with their times.
const keptPieces = 256

// A Recording keeps the last bytes that the peers of one connection send, before any
// toxic has them. Create it with [NewRecording]; it is safe for concurrent use.
type Recording struct{ streams [2]*recordedStream }

// NewRecording returns a recording that keeps at most limit bytes of each direction.
func NewRecording(limit int) *Recording {
	r := &Recording{}
	for d := range r.streams {
		r.streams[d] = &recordedStream{limit: limit}
	}
	return r
}

// A Recorded is a part of one direction of a recording.
type Recorded struct {
	First  int64           // offset of the first byte that is still kept
	From   int64           // offset of the first of Bytes
	Bytes  []byte          // what was recorded
	Next   int64           // offset behind the last byte that was recorded
	Pieces []RecordedPiece // when and in which pieces they came
}

// A RecordedPiece is what the proxy has read at once.
type RecordedPiece struct {
	At     time.Time // when it came
	Offset int64     // offset of its first byte
	Bytes  int       // its size
}

// ReadFrom returns what is kept of one direction from an offset on, at most n bytes,
// and the last pieces of the stream.
func (r *Recording) ReadFrom(d event.Direction, offset int64, n int) Recorded {
	return r.streams[d].readFrom(offset, n)
}

// resume keeps what comes, after a Stop.
func (r *Recording) resume() {
	for _, s := range r.streams {
		s.mu.Lock()
		s.stopped = false
		s.mu.Unlock()
	}
}

// Stop drops what is kept, and keeps no more.
func (r *Recording) Stop() {
	for _, s := range r.streams {
		s.stop()
	}
}

// RecordConnection records the open connection of that number from now on, and
// returns the recording: r, or the one that the connection has had before, which goes
// on. It returns nil when there is no such connection.
func (p *Proxy) RecordConnection(id uint64, r *Recording) (used *Recording) {
	p.editConnection(id, func(s *session) {
		if s.record == nil {
			s.record = r
		}
		used = s.record
	})
	if used != nil && used != r {
		used.resume()
	}
	return used
}

// A recordedStream is one direction of a recording: a toxic that changes nothing.
type recordedStream struct {
	limit int

	mu      sync.Mutex // guards what follows
	first   int64      // offset of the first byte of bytes
	bytes   []byte
	pieces  []RecordedPiece
	stopped bool
}

var _ link.Attacher = (*recordedStream)(nil)

// Attach implements [link.Attacher].
func (s *recordedStream) Attach(w hook.Link) tp.Toxic {
	if at, ok := w.(hook.OffsetSource); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.first = at.StartOffset()
	}
	return s
}

// Pipe passes everything on, once it is recorded.
func (s *recordedStream) Pipe(stub *tp.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			s.add(c)
			stub.Output <- c
		}
	}
}

func (s *recordedStream) add(c *tpstream.StreamChunk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		s.first += int64(len(c.Data))
		return
	}
	if len(s.pieces) >= 2*keptPieces {
		s.pieces = slices.Delete(s.pieces, 0, keptPieces)
	}
	s.pieces = append(s.pieces, RecordedPiece{At: time.Now(), Offset: s.first + int64(len(s.bytes)), Bytes: len(c.Data)})
	s.bytes = append(s.bytes, c.Data...)
	if len(s.bytes) > 2*s.limit {
		s.trim()
	}
}

// trim drops what is beyond the limit.
func (s *recordedStream) trim() {
	over := len(s.bytes) - s.limit
	if over <= 0 {
		return
	}
	s.first += int64(over)
	s.bytes = append([]byte(nil), s.bytes[over:]...)
}

func (s *recordedStream) readFrom(offset int64, n int) Recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trim()
	end := s.first + int64(len(s.bytes))
	from := min(max(offset, s.first), end)
	kept := s.bytes[from-s.first:]
	return Recorded{First: s.first, From: from, Bytes: append([]byte{}, kept[:min(len(kept), n)]...), Next: end, Pieces: slices.Clone(s.pieces)}
}

func (s *recordedStream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.first = true, s.first+int64(len(s.bytes))
	s.bytes, s.pieces = nil, nil
}
