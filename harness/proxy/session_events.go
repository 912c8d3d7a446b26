package proxy

import (
	"net"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// emitEvent takes the events of the session, and tells those who wait for one. After
// [event.Close] nothing strikes any more.
func (s *session) emitEvent(e event.Event) {
	e.Conn = s.id
	s.emitting.Lock()
	defer s.emitting.Unlock()
	if s.over && e.Kind == event.Struck {
		return
	}
	s.over = s.over || e.Kind == event.Close
	s.mu.Lock()
	switch e.Kind {
	case event.FIN, event.RST:
		if e.First = s.ended.Kind == ""; e.First {
			s.ended = e
		}
	case event.Struck:
		if !slices.Contains(s.struck, e.Toxic) {
			s.struck = append(s.struck, e.Toxic)
		}
	}
	s.markLocked(e.Kind)
	s.mu.Unlock()
	s.proxy.emitEvent(e)
}

// emitClose says that the connection is over.
func (s *session) emitClose(why string) {
	if closed := s.proxy.cfg.Closed; closed != nil {
		c := s.connectionInfo()
		c.Ended, c.Reason = time.Now(), why
		closed(c)
	}
	s.emitEvent(event.Event{Kind: event.Close, Detail: why})
}

func (s *session) noteBytes(e event.Event) {
	if s.proxy.cfg.Events != nil {
		e.Conn = s.id
		s.proxy.emitEvent(e)
	}
	if s.countBytes.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.markLocked(event.Bytes)
	}
}

// waitEvent returns a channel that is closed once an event of the kind has happened.
func (s *session) waitEvent(k event.Kind) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	signal := s.awaited[k]
	if signal == nil {
		signal = make(chan struct{})
		if s.awaited == nil {
			s.awaited = map[event.Kind]chan struct{}{}
		}
		s.awaited[k] = signal
		if slices.Contains(s.happened, k) {
			close(signal)
		}
	}
	if k == event.Bytes {
		s.countBytes.Store(true)
		for _, l := range s.links {
			if l != nil && l.SentBytes() > 0 {
				s.markLocked(k)
			}
		}
	}
	return signal
}

// markLocked keeps that an event of the kind has happened.
func (s *session) markLocked(k event.Kind) {
	if slices.Contains(s.happened, k) {
		return
	}
	s.happened = append(s.happened, k)
	if signal := s.awaited[k]; signal != nil {
		close(signal)
	}
}

// addrPair says who is connected to whom, if somebody wants to know.
func (s *session) addrPair(from, to func() net.Addr) string {
	if s.proxy.cfg.Events == nil {
		return ""
	}
	return sock.FormatAddress(from()) + " to " + sock.FormatAddress(to())
}
