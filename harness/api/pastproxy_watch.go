package api

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

const (
	firstLook  = time.Second      // after a connection was accepted
	rarestLook = 30 * time.Second // while connections are open
	lookShare  = 200              // a look is made for at most one part of the time in so many
)

// A strayWatch looks for clients that are connected past their proxy: for all proxies at once,
// soon after a connection was accepted, more rarely the longer none is, and never while none
// is open.
type strayWatch struct {
	opened chan struct{} // capacity 1: a connection was accepted
	noted  atomic.Bool   // since the last look
}

func newStrayWatch() *strayWatch { return &strayWatch{opened: make(chan struct{}, 1)} }

// noteAccept says that a connection was accepted. It does not block.
func (w *strayWatch) noteAccept() {
	if w.noted.Load() || w.noted.Swap(true) {
		return
	}
	select {
	case w.opened <- struct{}{}:
	default:
	}
}

// run looks until the context ends. Where the kernel does not tell it does nothing.
func (w *strayWatch) run(ctx context.Context, look func(*sock.Diag, map[netip.AddrPort]bool) int) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return
	}
	defer diag.Close()
	told := map[netip.AddrPort]bool{}
	due := time.NewTimer(time.Hour)
	due.Stop()
	defer due.Stop()
	pause, least := time.Duration(0), firstLook
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.opened:
			pause = least
			due.Reset(pause)
			continue
		case <-due.C:
		}
		w.noted.Store(false)
		began := time.Now()
		open := look(diag, told)
		least = max(firstLook, lookShare*time.Since(began))
		if pause = max(min(2*pause, rarestLook), least); open > 0 {
			due.Reset(pause)
		}
	}
}
