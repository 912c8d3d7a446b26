package pipes

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// A provingRig proves at once that the server is stuck, after it has called meanwhile.
type provingRig struct {
	scenario.KernelRig
	proofs    atomic.Int64
	meanwhile func(proof int64)
}

func (r *provingRig) AwaitStuck(ctx context.Context, _ bool) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	r.meanwhile(r.proofs.Add(1))
	return "it waits in read", nil
}

// A server that waits for what the scenario is about to write is not stuck.
func TestProofWhileOurEndMoves(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	g := &gate{Conn: pipeConn{Conn: ours}, free: 3}
	defer g.Close()
	ask := func(proof int64) {
		switch proof {
		case 1:
			go func() { _, _ = theirs.Write([]byte("a")) }()
			_, _ = g.Read(make([]byte, 1))
		case 2:
			go func() { _, _ = theirs.Read(make([]byte, 1)) }()
			_, _ = g.Write([]byte("b"))
		}
	}
	rig := &provingRig{meanwhile: ask}
	stuck, stop := untilStuck(t.Context(), rig, g.moved.Load)
	defer stop()
	<-stuck.Done()
	if n := rig.proofs.Load(); n != 3 {
		t.Errorf("%d proofs were made, want 3: a read, a write, and nothing", n)
	}
	if cause := context.Cause(stuck); !strings.Contains(cause.Error(), "waits in read") {
		t.Errorf("got %v, want the proof", cause)
	}
}

// The context ends a wait in which our end moves all the time.
func TestProofEndsWithTheContext(t *testing.T) {
	var moved atomic.Int64
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("late")
	rig := &provingRig{meanwhile: func(proof int64) {
		if moved.Add(1); proof == 5 {
			cancel(late)
		}
	}}
	stuck, stop := untilStuck(ctx, rig, moved.Load)
	<-stuck.Done()
	stop()
	if cause := context.Cause(stuck); !errors.Is(cause, late) {
		t.Errorf("got %v, want %v", cause, late)
	}
}

// A pipeConn is an end of a pipe in memory.
type pipeConn struct{ net.Conn }

func (pipeConn) CloseWrite() error                     { return errors.ErrUnsupported }
func (pipeConn) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }
