package udp

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// quietTime is for how long nothing must have moved on our side before a server that does not
// answer may be waiting forever; the proof itself sees what it does.
const quietTime = 100 * time.Millisecond

// A watchedConn is a socket that knows when something moved on it last.
type watchedConn struct {
	sock.Conn
	moves atomic.Int64
	at    atomic.Int64
}

// dialWatched opens a socket towards the server. The caller closes.
func dialWatched(ctx context.Context, rig scenario.ConversationRig) (*watchedConn, error) {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return nil, err
	}
	w := &watchedConn{Conn: conn}
	w.noteActivity()
	return w, nil
}

func (w *watchedConn) noteActivity() {
	w.moves.Add(1)
	w.at.Store(time.Now().UnixNano())
}

// Read implements [sock.Conn].
func (w *watchedConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.noteActivity()
	return n, err
}

// Write implements [sock.Conn].
func (w *watchedConn) Write(b []byte) (int, error) {
	defer w.noteActivity()
	return w.Conn.Write(b)
}

func (w *watchedConn) isQuiet() bool { return time.Since(time.Unix(0, w.at.Load())) >= quietTime }

// watch returns a context that ends when no answer will come any more, and why. stop must
// be called.
func (w *watchedConn) watch(ctx context.Context, rig scenario.ConversationRig) (watched context.Context, stop func()) {
	return rig.WatchProgress(ctx, w.isQuiet, w.moves.Load)
}
