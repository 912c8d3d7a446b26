package dialogue

import (
	"net"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A Conn is what a player needs of a connection; a sock.Conn is one.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// A stream reads a connection on one goroutine and writes it on another, so
// that a peer which answers early, or never reads, blocks nobody.
type stream struct {
	conn  Conn
	limit int64
	news  chan struct{} // holds one element when something below has changed
	tasks sync.WaitGroup

	mu sync.Mutex // guards what follows
	state
	arranger *arranger // nil: what arrives is taken as it is
}

// A state is a snapshot of a stream. Received only ever grows.
type state struct {
	received []byte
	sent     int64
	full     bool // more than the limit came; no more is read
	ended    bool // read has ended
	writing  bool
	failed   bool // write has failed
	readEnd  event.Ending
	writeEnd event.Ending
}

func openStream(conn Conn, limit int64, a *arranger) *stream {
	s := &stream{conn: conn, limit: limit, news: make(chan struct{}, 1), arranger: a}
	s.tasks.Go(s.readLoop)
	return s
}

func (s *stream) currentState() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// changeState applies f to the state and wakes the player.
func (s *stream) changeState(f func(*state)) {
	s.mu.Lock()
	f(&s.state)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *stream) readLoop() {
	buf := make([]byte, 16<<10)
	for {
		n, err := s.conn.Read(buf)
		full := false
		s.changeState(func(st *state) {
			got := s.arrangeLocked(buf[:n], err != nil)
			room := s.limit - int64(len(st.received))
			full = int64(len(got)) > room
			st.received = append(st.received, got[:min(int64(len(got)), room)]...)
			st.full = full
			if err != nil {
				st.ended, st.readEnd = true, endingOf(err)
			}
		})
		if err != nil || full {
			return
		}
	}
}

// arrangeLocked returns what has come in the order of the requests; last says that no more
// comes.
func (s *stream) arrangeLocked(b []byte, last bool) []byte {
	if s.arranger == nil {
		return b
	}
	b = s.arranger.arrange(b)
	if last {
		b = append(b, s.arranger.release()...)
	}
	return b
}

// startWrite sends b and then, if shut, FIN. It does not block; the state tells when
// it is done. Only one write may be under way.
func (s *stream) startWrite(b []byte, shut bool) {
	if len(b) == 0 && !shut {
		return
	}
	s.changeState(func(st *state) {
		st.writing = true
		if s.arranger != nil {
			s.arranger.noteAsked(b)
		}
	})
	s.tasks.Go(func() {
		n, err := 0, error(nil)
		if len(b) > 0 {
			n, err = s.conn.Write(b)
		}
		if err == nil && shut {
			// The peer may have reset us already; read or write tell that.
			_ = s.conn.CloseWrite()
		}
		s.changeState(func(st *state) {
			st.writing, st.sent = false, st.sent+int64(n)
			if err != nil {
				st.failed, st.writeEnd = true, endingOf(err)
			}
		})
	})
}

// stopStream ends both goroutines and returns the last state. A deadline in the past
// takes nothing out of the socket: what has not been read stays there. timedOut
// says that what is still open was waited for.
func (s *stream) stopStream(leaveOpen, timedOut bool) state {
	before := s.currentState()
	_ = s.conn.SetDeadline(time.Unix(1, 0))
	s.tasks.Wait()
	if leaveOpen {
		_ = s.conn.SetDeadline(time.Time{})
	} else {
		s.conn.Close()
	}
	last := s.currentState()
	// What our own deadline ended had not ended.
	if !before.ended && last.readEnd == event.Timeout && !timedOut {
		last.readEnd = event.Open
	}
	if before.writing && last.writeEnd == event.Timeout && !timedOut {
		last.writeEnd = event.Open
	}
	return last
}
