package link

import "sync"

// chunkSize bounds one read of the copying path, and so a chunk: as in
// Toxiproxy.
const chunkSize = 32 << 10

// idlePipes bounds how many pipes a pool keeps that nobody uses.
const idlePipes = 32

// A Pool lends buffers, kernel pipes and a clock to links for as long as bytes are
// on their way, so that an idle connection holds none. It is safe for
// concurrent use; the zero Pool is ready. Close it when its links have ended.
type Pool struct {
	buffers sync.Pool // of *[chunkSize]byte
	clock   clock

	mu     sync.Mutex // guards what follows
	pipes  []*pipe    // empty, not in use
	lent   int        // pipes in use
	closed bool
}

// Close closes the pipes that are not in use; those in use are closed when they
// come back. It may be called more than once.
func (p *Pool) Close() {
	p.clock.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, idle := range p.pipes {
		idle.close()
	}
	p.pipes = nil
}

func (p *Pool) buffer() *[chunkSize]byte {
	if b, ok := p.buffers.Get().(*[chunkSize]byte); ok {
		return b
	}
	return new([chunkSize]byte)
}

func (p *Pool) giveBuffer(b *[chunkSize]byte) { p.buffers.Put(b) }

// pipe lends an empty pipe.
func (p *Pool) pipe() (*pipe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.pipes); n > 0 {
		idle := p.pipes[n-1]
		p.pipes = p.pipes[:n-1]
		p.lent++
		return idle, nil
	}
	size := pipeSize
	if p.lent >= bigPipes {
		size = smallPipe
	}
	fresh, err := newPipe(size)
	if err == nil {
		p.lent++
	}
	return fresh, err
}

// givePipe takes a pipe back. One that still holds bytes is closed.
func (p *Pool) givePipe(back *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent--
	if p.closed || back.held > 0 || len(p.pipes) >= idlePipes {
		back.close()
		return
	}
	p.pipes = append(p.pipes, back)
}
