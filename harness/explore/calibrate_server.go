package explore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// ErrUnusable is wrapped by the error of a target that cannot be explored: it does not
// start, or its conversation fails without any fault.
var ErrUnusable = errors.New("the target cannot be explored")

// calibrate implements subject: twice alone, then side by side.
func (s *serverSubject) calibrate(ctx context.Context) (*layout, error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	s.state = s.options.Target.State
	first, err := s.controlOrFail(ctx, "")
	if err != nil {
		return nil, err
	}
	if s.state == scenario.StateProcess {
		if err := s.restart(ctx); err != nil {
			return nil, err
		}
	}
	second, err := s.controlOrFail(ctx, " the second time, also with a fresh process")
	if err != nil && ctx.Err() == nil && s.process != nil && s.state == "" {
		if second, err = s.controlFresh(ctx, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	s.noteUnstable(first, second)
	s.layout = newLayout(s.script.WithSends(first.sends), s.options.Target, scenario.Server, first.received, first.ends, first.greeting)
	if s.options.Target.Transport() == scenario.UDP {
		s.layout = newDatagramLayout(s.script, s.options.Target, scenario.Server, first.answers)
	}
	took := max(first.took, second.took)
	s.quick = min(max(leastQuick, 8*took), mostQuick)
	s.slow = max(slowWait, 4*took)
	s.endWait = min(s.quick, controlEnd)
	if first.late && second.late { // it never closes, so there is nothing to wait for
		s.quick = min(max(leastQuick, 8*max(first.answered, second.answered)), mostQuick)
		s.endWait = leastQuick
	}
	s.findState(ctx)
	s.findAhead(ctx)
	if s.dirty {
		if err := s.makeReady(ctx); err != nil {
			return nil, err
		}
	}
	s.base = s.usage()
	return s.layout, nil
}

// controlFresh holds the conversation again with a fresh process: a server that remembers
// what was said has one for each point.
func (s *serverSubject) controlFresh(ctx context.Context, before error) (observation, error) {
	if err := s.restart(ctx); err != nil {
		return observation{}, err
	}
	s.state = scenario.StateProcess
	if err := s.restart(ctx); err != nil {
		return observation{}, err
	}
	o := s.control(ctx)
	if describeControl(o) != nil {
		return o, before
	}
	s.masks = append(s.masks, "the server remembers earlier conversations: each point has a process of its own (state: process)")
	return o, s.restart(ctx)
}

func (s *serverSubject) controlOrFail(ctx context.Context, when string) (observation, error) {
	o := s.control(ctx)
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if err := describeControl(o); err != nil {
		return o, fmt.Errorf("%w: its conversation fails without any fault%s: %w", ErrUnusable, when, err)
	}
	return o, nil
}

// noteUnstable says what differs between two runs although the dialogue allows it.
func (s *serverSubject) noteUnstable(a, b observation) {
	at := dialogue.CommonPrefix(a.received, b.received)
	if at == len(a.received) && at == len(b.received) {
		return
	}
	s.masks = append(s.masks, fmt.Sprintf("the replies differ from run to run, first at byte %d (%s, then %s); the dialogue allows that, and it is not compared",
		at, quoteStart(a.received[at:]), quoteStart(b.received[at:])))
}

// findState tells whether conversations may be held side by side.
func (s *serverSubject) findState(ctx context.Context) {
	if s.state != "" && s.state != scenario.StateConnection {
		return
	}
	late, wrong := s.together(ctx)
	switch {
	case wrong != nil:
		s.state = scenario.StateShared
		s.masks = append(s.masks, scenario.Colliding+"; points run one at a time: "+headOf(wrong.Error()))
	case late != nil:
		s.serial = late.Error()
		s.masks = append(s.masks, "the server serves one client at a time; points run one at a time")
	}
}

// together holds conversations side by side, in step: each of them stands still in its
// middle until the other one is over, if it bears that at all.
func (s *serverSubject) together(ctx context.Context) (late, wrong error) {
	wait := max(200*time.Millisecond, s.quick)
	half := &Point{Direction: event.Upstream, Offset: s.layout.up.ByteCount() / 2, Fault: Heal}
	pauses := half.Offset > 0 && s.layout.packets == nil && s.bears(ctx, half)
	d := &dialer{way: s.way, script: s.script, diag: s.diag, wait: wait, endWait: min(wait, controlEnd)}
	var mu sync.Mutex
	note := func(o observation) error {
		mu.Lock()
		defer mu.Unlock()
		err := describeControl(o)
		switch {
		case err == nil:
		case o.late || o.dialErr != nil:
			late = err
		default:
			wrong = err
		}
		return err
	}
	stopped := *d
	stopped.other = func(ctx context.Context) error { return note(d.play(ctx, nil)) }
	stopped.layout = s.layout
	if pauses {
		note(stopped.play(ctx, half))
	}
	var tasks sync.WaitGroup
	for range mostLanes {
		tasks.Go(func() { note(d.play(ctx, nil)) })
	}
	tasks.Wait()
	return late, wrong
}

// bears reports whether the conversation is as it should be although it pauses. A server that
// ends instead is started again.
func (s *serverSubject) bears(ctx context.Context, pause *Point) bool {
	d := s.dialer(max(200*time.Millisecond, s.quick))
	d.other = nil
	if describeControl(d.play(ctx, pause)) == nil {
		return true
	}
	if _, ended := s.exit(5 * time.Millisecond); ended && ctx.Err() == nil {
		_ = s.makeReady(ctx) // else the next conversation tells
	}
	return false
}
