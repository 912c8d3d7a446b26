package rig

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/sock"
)

// A countingConn is a connection that knows when something moved on it last.
type countingConn struct {
	sock.Conn
	want  int64 // bytes that we are to send
	bytes atomic.Int64
	sent  atomic.Int64
	at    atomic.Int64 // when something moved last
	over  atomic.Bool  // nothing will
}

func newTraffic(conn sock.Conn, s *dialogue.Script) *countingConn {
	t := &countingConn{Conn: conn}
	for _, step := range s.Steps {
		t.want += int64(len(step.Send))
	}
	t.noteActivity()
	return t
}

func (t *countingConn) noteActivity() { t.at.Store(time.Now().UnixNano()) }

// Read implements [net.Conn].
func (t *countingConn) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.bytes.Add(int64(n))
	t.noteActivity()
	return n, err
}

// Write implements [net.Conn].
func (t *countingConn) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.bytes.Add(int64(n))
	t.sent.Add(int64(n))
	t.noteActivity()
	return n, err
}

// CloseWrite implements [sock.Conn].
func (t *countingConn) CloseWrite() error {
	defer t.noteActivity()
	return t.Conn.CloseWrite()
}

// isIdle reports that it is not our turn.
func (t *countingConn) isIdle() bool {
	if t.over.Load() {
		return true
	}
	quiet := time.Since(time.Unix(0, t.at.Load()))
	if t.sent.Load() >= t.want {
		return quiet >= idleAfterRequest
	}
	return quiet >= idleBeforeRequest
}

// countingConns are those of one act.
type countingConns []*countingConn

func (all countingConns) allIdle() bool {
	return !slices.ContainsFunc(all, func(t *countingConn) bool { return !t.isIdle() })
}

func (all countingConns) bytesMoved() int64 {
	n := int64(0)
	for _, t := range all {
		n += t.bytes.Load()
	}
	return n
}
