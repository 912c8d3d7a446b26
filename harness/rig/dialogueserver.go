package rig

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// An acceptor is a listener of ours, of TCP or on a unix socket.
type acceptor interface {
	net.Listener
	SetDeadline(time.Time) error
}

// A dialogueServer is a server peer that the harness plays itself: it speaks
// the script on every connection.
type dialogueServer struct {
	listener acceptor
	script   *dialogue.Script
	data     *dataConnections // nil: the script has none
	open     opener           // what comes before the script; nil: nothing does
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu    sync.Mutex       // guards what follows
	first *dialogue.Played // what became of the first connection that ended; nil: none has
}

// serveDialogue starts to listen and to play. The caller must close.
func serveDialogue(ctx context.Context, script *dialogue.Script, book addressBook, t scenario.Transport, data *dataConnections, open opener) (*dialogueServer, error) {
	if script == nil {
		return nil, errors.New("dialogue server: the target has no dialogue")
	}
	listener, err := book.listen(ctx, t)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &dialogueServer{listener: listener, script: script, data: data, open: open, cancel: cancel}
	d.wg.Go(func() { d.acceptLoop(ctx) })
	return d, nil
}

func (d *dialogueServer) listenAddr() string { return listenerAddress(d.listener) }

func (d *dialogueServer) acceptLoop(ctx context.Context) {
	for {
		accepted, err := d.listener.Accept()
		if err != nil {
			return
		}
		conn := accepted.(sock.Conn)
		d.wg.Go(func() {
			defer conn.Close()
			if d.open != nil {
				opened, err := d.open(ctx, conn)
				if err != nil {
					return
				}
				conn = opened
			}
			played := d.script.PlayServer(ctx, conn, d.data.addTo(dialogue.Options{}))
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.first == nil {
				d.first = &played
			}
		})
	}
}

// requestsShifted reports whether the requests of the first connection that ended had
// other lengths than those that end at the given offsets. A nil server has none.
func (d *dialogueServer) requestsShifted(ends []int64) bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first != nil && d.first.RequestsShifted(ends)
}

// closeAll ends the listener and every connection, and waits.
func (d *dialogueServer) closeAll() {
	d.listener.Close()
	d.cancel()
	d.wg.Wait()
}
