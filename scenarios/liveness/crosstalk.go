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
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func crossTalk() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/cross-talk",
		Title: "Two clients whose requests arrive byte by byte in turn get their own answers",
		Rationale: "A buffer that is static, global or a class attribute mixes the beginnings of two requests, and one client " +
			"gets the other client's data. Tests with one client, or with requests that arrive whole, never show this.",
		Ref:   "Socket Programming HOWTO; strtok(3); catalogue: shared-buffer-leak",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			if !c.Conversation.State.Separate() && c.Conversation.Staggered == 0 {
				return nil, c.UnsupportedErrorf(scenario.Colliding)
			}
			v := scenario.ActVariant("", 4*c.Budget, func(ctx context.Context, rig scenario.Rig) error { return interleaveClients(ctx, rig, c) })
			v.Control = crossTalkControl(c)
			return []scenario.Variant{v}, nil
		},
	}
}

// interleaveClients lets two clients hold the conversation, one of them a message ahead
// so that their requests differ.
func interleaveClients(ctx context.Context, rig scenario.Rig, c scenario.Case) error {
	kernel, err := openView()
	if err != nil {
		return err
	}
	defer kernel.closeView()
	scripts, ordered := conversations(c)
	p := newPair(kernel, len(scripts[0].Steps) > 1)
	p.ordered = ordered
	p.noteActivity()
	watched, stop := rig.WatchProgress(ctx, p.isIdle, p.moved.Load)
	defer stop()
	p.ctx, p.cancel = context.WithCancel(watched)
	defer func() {
		p.reportStruck(rig)
		p.closeBoth()
	}()
	for i := range p.parties {
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		p.parties[i].Conn = conn
	}
	return p.playBoth(scripts)
}

// conversations returns what the two clients say. Where conversations share state that
// is as much as goes well without bytes in turn, and in the same order.
func conversations(c scenario.Case) (scripts [2]*dialogue.Script, ordered bool) {
	s, n := c.Conversation.Script, c.Conversation.Staggered
	if c.Conversation.State.Separate() {
		return [2]*dialogue.Script{s, s}, false
	}
	return [2]*dialogue.Script{scenario.FirstExchanges(s, n+1), scenario.FirstExchanges(s, n)}, true
}

const (
	// oneByOne is how many bytes of each request take turns; the rest follows.
	oneByOne = 16
	// inTurn bounds the wait for a byte to be read, and for the other client to have
	// something to send.
	inTurn = 250 * time.Millisecond
)

// An alternator is two clients that send in turn.
type alternator struct {
	ctx      context.Context
	cancel   context.CancelFunc
	kernel   kernelView
	parties  [2]*alternatingConn
	meet     chan *alternatingConn // with what it has to send
	verified atomic.Int64
	ordered  bool // the first client has its answer before the second one's request is whole

	writing atomic.Int32 // parties that are about to send
	moved   atomic.Int64 // bytes
	at      atomic.Int64 // when something moved last
}

// settled is for how long nothing must move until neither client is about to
// send.
const settled = 500 * time.Millisecond

func (p *alternator) noteActivity() { p.at.Store(time.Now().UnixNano()) }

func (p *alternator) isIdle() bool {
	return p.writing.Load() == 0 && time.Since(time.Unix(0, p.at.Load())) >= settled
}

// An alternatingConn is one of the pair, and the connection that its dialogue is played on.
type alternatingConn struct {
	sock.Conn
	pair    *alternator
	ahead   bool          // its first message goes alone
	left    chan struct{} // closed when its conversation is over
	held    chan struct{} // holds one element when an exchange is over
	sent    uint64
	blind   bool   // the server does not read byte by byte
	message []byte // to be sent in turn with the other's
	failed  error
	over    chan int // how many of its bytes the other one has sent for it
}

func newPair(kernel kernelView, ahead bool) *alternator {
	p := &alternator{kernel: kernel, meet: make(chan *alternatingConn)}
	for i := range p.parties {
		p.parties[i] = &alternatingConn{pair: p, left: make(chan struct{}), held: make(chan struct{}, 1), over: make(chan int, 1)}
	}
	p.parties[0].ahead = ahead
	return p
}

func (p *alternator) closeBoth() {
	p.cancel()
	for _, one := range p.parties {
		if one.Conn != nil {
			one.Conn.Close()
		}
	}
}

func (p *alternator) reportStruck(rig scenario.ConversationRig) {
	if n := p.verified.Load(); n > 0 {
		rig.ReportStruck(fmt.Sprintf("%d times the server read one client's byte before the other client sent its next one", n))
	}
}

// playBoth holds both conversations; what goes wrong with one ends the other.
func (p *alternator) playBoth(scripts [2]*dialogue.Script) error {
	var failed error
	var first sync.Once
	var wg sync.WaitGroup
	for i, one := range p.parties {
		script := scripts[i]
		wg.Go(func() {
			defer close(one.left)
			played := script.PlayClient(p.ctx, one, dialogue.Options{NoEnd: true, AfterStep: one.afterStep})
			if err := checkComplete(p.ctx, played, script); err != nil {
				first.Do(func() { failed = fmt.Errorf("one of two clients that send in turn got wrong answers: %w", err) })
				p.cancel()
			}
		})
	}
	wg.Wait()
	return failed
}

// afterStep tells that an exchange is over.
func (a *alternatingConn) afterStep(int) error {
	select {
	case a.held <- struct{}{}:
	default:
	}
	return nil
}

// checkComplete returns what is missing of a conversation, or nil.
func checkComplete(ctx context.Context, played dialogue.Played, script *dialogue.Script) error {
	switch {
	case played.Mismatch != nil:
		return played.Mismatch
	case played.Steps == len(script.Steps):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("got %d of %s: %w", played.Steps, plural.Count(len(script.Steps), "answer"), context.Cause(ctx))
	}
	return fmt.Errorf("got %d of %s, then: %s", played.Steps, plural.Count(len(script.Steps), "answer"), cmp.Or(played.Ending, "nothing"))
}

// Read implements [net.Conn].
func (a *alternatingConn) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	a.pair.moved.Add(int64(n))
	a.pair.noteActivity()
	return n, err
}

// Write implements [net.Conn]: it sends b byte by byte in turn with the other
// party, if that has something to send too.
func (a *alternatingConn) Write(b []byte) (int, error) {
	a.pair.writing.Add(1)
	defer a.pair.writing.Add(-1)
	defer a.pair.noteActivity()
	if a.ahead {
		a.ahead = false
		return a.sendPart(b)
	}
	a.message = b
	other := a.pair.parties[0]
	if other == a {
		other = a.pair.parties[1]
	}
	var alone <-chan time.Time // where the order matters, the other client is waited for
	if !a.pair.ordered {
		timer := time.NewTimer(inTurn)
		defer timer.Stop()
		alone = timer.C
	}
	select {
	case a.pair.meet <- a: // the other sends the first bytes for both
		return a.rest(<-a.over)
	case partner := <-a.pair.meet:
		sent := a.pair.alternateSends(a, partner)
		partner.over <- sent
		return a.rest(sent)
	case <-other.left:
	case <-alone:
	case <-a.pair.ctx.Done():
	}
	return a.sendPart(b)
}

// alternateSends sends the first bytes of what both have to send, and returns how many of each.
func (p *alternator) alternateSends(a, b *alternatingConn) int {
	select {
	case <-p.parties[0].held: // that was an exchange before
	default:
	}
	turns := max(0, min(oneByOne, len(a.message)-1, len(b.message)-1))
	for i := range turns {
		for _, one := range []*alternatingConn{a, b} {
			if one.failed != nil {
				continue
			}
			if _, err := one.sendPart(one.message[i : i+1]); err != nil {
				one.failed = err
			} else if one.awaitRead() {
				p.verified.Add(1)
			}
		}
	}
	return turns
}

// rest sends what is left of the message, and returns what became of the whole. Where the
// order matters, the second client waits for the first one's answer.
func (a *alternatingConn) rest(from int) (int, error) {
	if a.failed != nil {
		return 0, a.failed
	}
	if first := a.pair.parties[0]; a.pair.ordered && a != first {
		select {
		case <-first.held:
		case <-first.left:
		case <-a.pair.ctx.Done():
		}
	}
	n, err := a.sendPart(a.message[from:])
	return from + n, err
}

func (a *alternatingConn) sendPart(b []byte) (int, error) {
	n, err := a.Conn.Write(b)
	a.sent += uint64(n)
	a.pair.moved.Add(int64(n))
	return n, err
}

// awaitRead blocks until the server has read what was sent, and reports that.
func (a *alternatingConn) awaitRead() bool {
	if a.blind {
		return false
	}
	a.blind = a.pair.kernel.awaitRead(a.pair.ctx, a.Conn, a.sent, inTurn) != nil
	return !a.blind
}
