package proxy

import (
	"net"
	"sync"
	"sync/atomic"
)

// loops are what carries connections without goroutines: a first loop, and others
// that accept from its port, too, while it has more than enough to do.
type loops struct {
	first   *loop        // nil: goroutines do it all
	helping atomic.Bool  // the others accept, too
	crowded atomic.Int64 // when one last had too much to do, ns since 1970

	mu     sync.Mutex // guards what follows
	others []*loop
}

func (all *loops) start(p *Proxy) {
	if all.first = newLoop(p); all.first != nil {
		p.ends.Go(all.first.run)
	}
}

// listen takes a listener over, until unlisten. It returns false where it cannot.
func (all *loops) listen(from net.Listener) bool { return all.first != nil && all.first.listen(from) }

// unlisten ends what listen has begun. Nothing is accepted any more when it returns.
func (all *loops) unlisten() {
	all.each((*loop).unlisten)
	all.helping.Store(false)
}

// kick makes the loops look at their connections.
func (all *loops) kick() { all.each((*loop).kick) }

// tick tells the loops that some time has passed.
func (all *loops) tick() { all.each((*loop).tick) }

// each calls f with every loop.
func (all *loops) each(f func(*loop)) {
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
