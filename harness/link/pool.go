package link

import "sync"

// chunkSize bounds one read of the copying path, and so a chunk: as in
// Toxiproxy.
const chunkSize = 32 << 10

// idlePipes bounds how many pipes a pool keeps that nobody uses.
const idlePipes = 32

// bulkSize is how much of a stream is moved at once that is not cut into chunks, bytes,
// by one of at most bulkBuffers that are in use at once: 8 MiB, however many
// connections there are.
const (
	bulkSize    = 512 << 10
	bulkBuffers = 16
	idleBulk    = 2 // that are kept although nobody uses them
)

type bulkBuffer [bulkSize]byte

// A Pool lends buffers, kernel pipes and a clock to links for as long as bytes are
// on their way, so that an idle connection holds none. It is safe for
// concurrent use; the zero Pool is ready. Close it when its links have ended.
type Pool struct {
	buffers sync.Pool // of *[chunkSize]byte
	clock   clock

	mu         sync.Mutex    // guards what follows
	pipes      []*pipe       // empty, not in use
	pipesInUse int           // pipes in use
	bulk       []*bulkBuffer // not in use
	bulkInUse  int
	closed     bool
}

// Close closes the pipes that are not in use; those in use are closed when they
// come back. It may be called more than once.
func (p *Pool) Close() {
	p.clock.closeClock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, idle := range p.pipes {
		idle.closeFDs()
	}
	p.pipes, p.bulk = nil, nil
}

func (p *Pool) getBuffer() *[chunkSize]byte {
	if b, ok := p.buffers.Get().(*[chunkSize]byte); ok {
		return b
	}
	return new([chunkSize]byte)
}

func (p *Pool) putBuffer(b *[chunkSize]byte) { p.buffers.Put(b) }

// getBulk lends a large buffer, or returns nil while enough of them are in use.
func (p *Pool) getBulk() *bulkBuffer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bulkInUse >= bulkBuffers {
		return nil
	}
	p.bulkInUse++
	if n := len(p.bulk); n > 0 {
		b := p.bulk[n-1]
		p.bulk = p.bulk[:n-1]
		return b
	}
	return new(bulkBuffer)
}

// putBulk takes a large buffer back, and keeps a few.
func (p *Pool) putBulk(b *bulkBuffer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bulkInUse--
	if !p.closed && len(p.bulk) < idleBulk {
		p.bulk = append(p.bulk, b)
	}
}

// getPipe lends an empty pipe.
func (p *Pool) getPipe() (*pipe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.pipes); n > 0 {
		idle := p.pipes[n-1]
		p.pipes = p.pipes[:n-1]
		p.pipesInUse++
		return idle, nil
	}
	size := pipeSize
	if p.pipesInUse >= bigPipes {
		size = smallPipe
	}
	fresh, err := newPipe(size)
	if err == nil {
		p.pipesInUse++
	}
	return fresh, err
}

// putPipe takes a pipe back. One that still holds bytes is closed.
func (p *Pool) putPipe(back *pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pipesInUse--
	if p.closed || back.held > 0 || len(p.pipes) >= idlePipes {
		back.closeFDs()
		return
	}
	p.pipes = append(p.pipes, back)
}
