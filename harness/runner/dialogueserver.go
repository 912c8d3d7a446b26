package runner

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
)

// A dialogueServer is a server peer that the harness plays itself: it speaks
// the script on every connection.
type dialogueServer struct {
	listener *net.TCPListener
	script   *dialogue.Script
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// serveDialogue starts to listen and to play. The caller must close.
func serveDialogue(ctx context.Context, script *dialogue.Script) (*dialogueServer, error) {
	if script == nil {
		return nil, errors.New("dialogue server: the target has no dialogue")
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &dialogueServer{listener: listener.(*net.TCPListener), script: script, cancel: cancel}
	d.wg.Go(func() { d.serve(ctx) })
	return d, nil
}

func (d *dialogueServer) addr() string { return d.listener.Addr().String() }

func (d *dialogueServer) serve(ctx context.Context) {
	for {
		conn, err := d.listener.AcceptTCP()
		if err != nil {
			return
		}
		d.wg.Go(func() {
			defer conn.Close()
			d.script.PlayServer(ctx, conn, dialogue.Options{})
		})
	}
}

// close ends the listener and every connection, and waits.
func (d *dialogueServer) close() {
	d.listener.Close()
	d.cancel()
	d.wg.Wait()
}
