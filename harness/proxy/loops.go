package proxy

import (
	"sync"
	"sync/atomic"
)

// loops are what carries connections without goroutines: a first loop, and others
// that accept from its ports, too, while it has more than enough to do.
type loops struct {
	shared    *Shared
	unwanted  bool          // goroutines are to do it all
	first     *loop         // nil: goroutines do it all
	helping   atomic.Bool   // the others accept, too
	busySince atomic.Int64  // when one last had too much to do, ns since 1970
	handOffs  atomic.Uint64 // connections that goroutines have gone on with
	takenBack atomic.Uint64 // connections that have come back from there

	mu     sync.Mutex // guards what follows
	others []*loop
	ports  []*loopPort // that the others accept from, too
}

func (all *loops) startFirst() {
	if all.unwanted {
		return
	}
	if all.first = newLoop(all); all.first != nil {
		all.shared.wg.Go(all.first.runLoop)
	}
}

// listenOn has loops accept for a proxy from a port, until that does something else or is
// closed. It returns nil where they cannot.
func (all *loops) listenOn(p *Proxy, from port) *loopPort {
	if all.first == nil || !p.canLoop() {
		return nil
	}
	return all.first.listenOn(p, from)
}

// canLoop reports whether the proxy's connections need no more than a loop does.
func (p *Proxy) canLoop() bool {
	return !p.tls.SpeaksTLS() && !p.cfg.ProxyProtocol
}

// recheck makes the loops look at the connections of a proxy.
func (all *loops) recheck(p *Proxy) { all.eachLoop(func(l *loop) { l.recheckLater(p) }) }

// wakeAll makes the loops look whether they shall end.
func (all *loops) wakeAll() { all.eachLoop((*loop).wakeUp) }

// tickAll tells the loops that some time has passed.
func (all *loops) tickAll() { all.eachLoop((*loop).noteTick) }

// eachLoop calls f with every loop.
func (all *loops) eachLoop(f func(*loop)) {
	if all.first == nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	f(all.first)
	for _, l := range all.others {
		f(l)
	}
}
