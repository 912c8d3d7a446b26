package scenariofile

import (
	"context"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
)

func (e *Expect) wantsEnding(ending Ending) bool {
	for _, o := range e.Options {
		if o.Ending == ending {
			return true
		}
	}
	return false
}

// expectOption blocks until one of the options has come, none can come any more, or the
// time is over.
func (s *session) expectOption(ctx context.Context, c *connection, e *Expect) error {
	if e.wantsEnding(Silence) {
		return s.expectSilence(ctx, c, e)
	}
	w, err := s.newWish(c, e)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, s.expectLimit(e))
	defer cancel()
	in := c.awaitBytes(limited, w.isSettled)
	if !in && !w.atLast() {
		return w.lateError(limited, s.expectLimit(e))
	}
	if !w.fits {
		return w.mismatchError()
	}
	c.useBytes(w.match.size)
	for _, k := range e.Keep {
		s.vars.setValue(k.Name, w.match.groups[k.Group])
	}
	return nil
}

// expectSilence wants nothing to come and nothing to end.
func (s *session) expectSilence(ctx context.Context, c *connection, e *Expect) error {
	limited, cancel := context.WithTimeout(ctx, e.For)
	defer cancel()
	var came []byte
	var how event.Ending
	broken := c.awaitBytes(limited, func(unread []byte, ending event.Ending) bool {
		came, how = unread, ending
		return len(unread) > 0 || ending != event.Open
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !broken:
		return nil
	case len(came) > 0:
		return fmt.Errorf("want silence for %s, got %s", e.For, excerpt.Quote(came))
	}
	return fmt.Errorf("want silence for %s, the connection ended by %s", e.For, endingWord(how))
}

// A pendingMatch is an Expect with its bytes fixed, and what is known of it.
type pendingMatch struct {
	udp      bool // what is unread is one datagram, and all of it is expected
	framing  dialogue.Framing
	expect   *Expect
	patterns []dialogue.Pattern // by option; nil for an ending

	unread []byte
	ending event.Ending
	fits   bool
	match  match
}

func (s *session) newWish(c *connection, e *Expect) (*pendingMatch, error) {
	w := &pendingMatch{udp: c.udp, framing: c.answerFraming(s.framing), expect: e}
	for _, o := range e.Options {
		var p dialogue.Pattern
		if o.Message != nil {
			var err error
			if p, err = s.messageBytes(c, o.Message, s.expectedDirection()); err != nil {
				return nil, err
			}
		}
		w.patterns = append(w.patterns, p)
	}
	return w, nil
}

// isSettled reports whether one of the options fits, or none can any more. The
// options are tried in order: a later one counts once those before it cannot come.
func (w *pendingMatch) isSettled(unread []byte, ending event.Ending) bool {
	w.unread, w.ending = unread, ending
	for i := range w.expect.Options {
		m := w.compareOption(i)
		if m.verdict == undecided {
			return false
		}
		if w.fits = m.verdict == matched; w.fits {
			w.match = m
			return true
		}
	}
	return true
}

// atLast takes an option that fits although one before it might still have come.
func (w *pendingMatch) atLast() bool {
	for i := range w.expect.Options {
		if m := w.compareOption(i); m.verdict == matched {
			w.fits, w.match = true, m
			return true
		}
	}
	return false
}

func (w *pendingMatch) compareOption(i int) match {
	over := w.ending != event.Open
	if p := w.patterns[i]; p != nil {
		if w.udp && len(w.unread) > 0 {
			return compareDatagram(p, w.unread)
		}
		m := comparePattern(w.framing, p, w.unread, over)
		if m.verdict == undecided && over {
			m.verdict = differs
		}
		return m
	}
	switch {
	case len(w.unread) > 0:
		return match{verdict: differs}
	case !over:
		return match{verdict: undecided}
	case w.expect.Options[i].Ending.isEnding(w.ending):
		return match{verdict: matched}
	}
	return match{verdict: differs}
}

// isEnding reports whether a stream that ended so fits.
func (e Ending) isEnding(got event.Ending) bool {
	switch e {
	case EOF:
		return got == event.EOF
	case Reset:
		return got == event.Reset
	case Refused:
		return got == event.Refused
	case Closed:
		return got == event.EOF || got == event.Reset
	}
	return false
}

// lateError is the error of a wait that is over.
func (w *pendingMatch) lateError(ctx context.Context, limit fmt.Stringer) error {
	got := "nothing arrived"
	if len(w.unread) > 0 {
		got = "got " + excerpt.Quote(w.unread)
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return cause
	}
	return &lateError{fmt.Sprintf("want %s within %s, %s", w.expect.describeExpected(), limit, got), cause}
}

// mismatchError is the error of what came instead.
func (w *pendingMatch) mismatchError() error {
	if len(w.unread) == 0 {
		return fmt.Errorf("want %s, the connection ended by %s", w.expect.describeExpected(), endingWord(w.ending))
	}
	then := ""
	if w.ending != event.Open {
		then = ", then the connection ended by " + endingWord(w.ending)
	}
	if len(w.patterns) == 1 && w.patterns[0] != nil {
		if want, ok := w.patterns[0].LiteralBytes(); ok {
			return fmt.Errorf("the bytes differ%s: %s", then, dialogue.DescribeDifference(want, w.unread[:min(len(w.unread), len(want)+64)]))
		}
	}
	return fmt.Errorf("want %s, got %s%s", w.expect.describeExpected(), excerpt.Quote(w.unread), then)
}
