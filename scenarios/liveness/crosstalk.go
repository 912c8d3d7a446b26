package liveness

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func crossTalk() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/cross-talk",
		Title: "Two clients whose requests arrive byte by byte in turn get their own answers",
		Rationale: "A buffer that is static, global or a property of the class holds the beginnings of two requests at once: " +
			"one client gets what another has sent. With one client at a time, and requests that arrive whole, it is never seen.",
		Ref:   "Socket Programming HOWTO; strtok(3); catalogue: shared-buffer-leak",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := speaks(c); err != nil {
				return nil, err
			}
			v := variant("", func(ctx context.Context, rig scenario.Rig) error { return interleave(ctx, rig, c) })
			v.Budget = 4 * c.Budget
			return []scenario.Variant{v}, nil
		},
	}
}

// interleave lets two clients hold the conversation, one of them a message ahead
// so that their requests differ.
func interleave(ctx context.Context, rig scenario.Rig, c scenario.Case) error {
	kernel, err := open()
	if err != nil {
		return err
	}
	defer kernel.close()
	script := c.Conversation.Script
	p := newPair(kernel, len(script.Steps) > 1)
	p.touch()
	watched, stop := rig.Watch(ctx, p.idle, p.moved.Load)
	defer stop()
	p.ctx, p.cancel = context.WithCancel(watched)
	defer func() {
		p.struck(rig)
		p.close()
	}()
	for i := range p.parties {
		conn, err := rig.Dial(ctx)
		if err != nil {
			return err
		}
		p.parties[i].Conn = conn
	}
	return p.play(script)
}

const (
	// oneByOne is how many bytes of each request take turns; the rest follows.
	oneByOne = 16
	// inTurn bounds the wait for a byte to be read, and for the other client to have
	// something to send.
	inTurn = 250 * time.Millisecond
)

// A pair is two clients that send in turn.
type pair struct {
	ctx      context.Context
	cancel   context.CancelFunc
	kernel   view
	parties  [2]*party
	meet     chan *party // with what it has to send
	verified atomic.Int64

	writing atomic.Int32 // parties that are about to send
	moved   atomic.Int64 // bytes
	at      atomic.Int64 // when something moved last
}

// settled is for how long nothing must move until neither client is about to
// send.
const settled = 500 * time.Millisecond

func (p *pair) touch() { p.at.Store(time.Now().UnixNano()) }

func (p *pair) idle() bool {
	return p.writing.Load() == 0 && time.Since(time.Unix(0, p.at.Load())) >= settled
}

// A party is one of the pair, and the connection that its dialogue is played on.
type party struct {
	sock.Conn
	pair    *pair
	ahead   bool          // its first message goes alone
	left    chan struct{} // closed when its conversation is over
	sent    uint64
	blind   bool   // the server does not read byte by byte
	message []byte // to be sent in turn with the other's
	failed  error
	over    chan struct{} // holds one element when the message is sent
}

func newPair(kernel view, ahead bool) *pair {
	p := &pair{kernel: kernel, meet: make(chan *party)}
	for i := range p.parties {
		p.parties[i] = &party{pair: p, left: make(chan struct{}), over: make(chan struct{}, 1)}
	}
	p.parties[0].ahead = ahead
	return p
}

func (p *pair) close() {
	p.cancel()
	for _, one := range p.parties {
		if one.Conn != nil {
			one.Conn.Close()
		}
	}
}

func (p *pair) struck(rig scenario.Rig) {
	if n := p.verified.Load(); n > 0 {
		rig.Struck(fmt.Sprintf("%d times one client's byte was read before the other's next one left", n))
	}
}

// play holds both conversations; what goes wrong with one ends the other.
func (p *pair) play(script *dialogue.Script) error {
	var failed error
	var first sync.Once
	var wg sync.WaitGroup
	for _, one := range p.parties {
		wg.Go(func() {
			defer close(one.left)
			played := script.PlayClient(p.ctx, one, dialogue.Options{NoEnd: true})
			if err := complete(p.ctx, played, script); err != nil {
				first.Do(func() { failed = fmt.Errorf("one of two clients that send in turn: %w", err) })
				p.cancel()
			}
		})
	}
	wg.Wait()
	return failed
}

// complete returns what is missing of a conversation, or nil.
func complete(ctx context.Context, played dialogue.Played, script *dialogue.Script) error {
	switch {
	case played.Mismatch != nil:
		return played.Mismatch
	case played.Steps == len(script.Steps):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("got %d of %d answers: %w", played.Steps, len(script.Steps), context.Cause(ctx))
	}
	return fmt.Errorf("got %d of %d answers, then: %s", played.Steps, len(script.Steps), cmp.Or(played.Ending, "nothing"))
}

// Read implements [net.Conn].
func (a *party) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	a.pair.moved.Add(int64(n))
	a.pair.touch()
	return n, err
}

// Write implements [net.Conn]: it sends b byte by byte in turn with the other
// party, if that has something to send too.
func (a *party) Write(b []byte) (int, error) {
	a.pair.writing.Add(1)
	defer a.pair.writing.Add(-1)
	defer a.pair.touch()
	if a.ahead {
		a.ahead = false
		return a.send(b)
	}
	a.message = b
	other := a.pair.parties[0]
	if other == a {
		other = a.pair.parties[1]
	}
	timer := time.NewTimer(inTurn)
	defer timer.Stop()
	select {
	case a.pair.meet <- a: // the other sends for both
		<-a.over
		if a.failed != nil {
			return 0, a.failed
		}
		return len(b), nil
	case partner := <-a.pair.meet:
		return a.pair.alternate(a, partner)
	case <-other.left:
	case <-timer.C:
	case <-a.pair.ctx.Done():
	}
	return a.send(b)
}

// alternate sends what both have to send, and returns what became of a's.
func (p *pair) alternate(a, b *party) (int, error) {
	defer func() { b.over <- struct{}{} }()
	turns := min(oneByOne, len(a.message)-1, len(b.message)-1)
	for i := range max(turns, 0) {
		for _, one := range []*party{a, b} {
			if _, err := one.send(one.message[i : i+1]); err != nil {
				one.failed = err
			} else if one.read() {
				p.verified.Add(1)
			}
		}
	}
	for _, one := range []*party{a, b} {
		if one.failed == nil {
			_, one.failed = one.send(one.message[max(turns, 0):])
		}
	}
	if a.failed != nil {
		return 0, a.failed
	}
	return len(a.message), nil
}

func (a *party) send(b []byte) (int, error) {
	n, err := a.Conn.Write(b)
	a.sent += uint64(n)
	a.pair.moved.Add(int64(n))
	return n, err
}

// read blocks until the server has read what was sent, and reports that.
func (a *party) read() bool {
	if a.blind {
		return false
	}
	a.blind = a.pair.kernel.awaitRead(a.pair.ctx, a.Conn, a.sent, inTurn) != nil
	return !a.blind
}
