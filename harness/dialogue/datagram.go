package dialogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/strictyaml"
)

// MaxDatagram is how many bytes a datagram of UDP over IPv4 holds at most.
const MaxDatagram = 65507

// WithDatagrams returns the script as it is held over UDP: each request and each reply is
// one datagram, whatever the framing of the dialogue. [Script.PlayClient] takes a connected
// socket of UDP then; the server is [Script.NewDatagramServer].
func (s *Script) WithDatagrams() *Script {
	next := *s
	next.Framing, next.datagrams = Framing{Kind: UntilEOF}, true
	return &next
}

// CheckDatagrams tells what of the dialogue cannot be held over UDP. The error is of type
// [strictyaml.Errors].
func (d *Dialogue) CheckDatagrams() error {
	var dec strictyaml.Decoder
	refuse := func(line int, message, hint string) {
		dec.AddError(strictyaml.Error{File: d.File, Line: max(1, line), Column: 1, Message: message, Hint: hint})
	}
	if d.Framing.Kind != None {
		refuse(1, "over UDP a message is a datagram", "delete framing")
	}
	if d.End != ClientCloses {
		refuse(1, fmt.Sprintf("over UDP a peer does not see that the other one closes, so that %q cannot be", d.End), "delete end")
	}
	if d.Greeting != nil {
		refuse(d.Greeting.Line, "over UDP a server does not know of a client that has sent nothing", "begin with an exchange")
	}
	for i, e := range d.Exchanges {
		switch {
		case i == 0 && e.Send == nil:
			refuse(e.Line, "over UDP a server does not know of a client that has sent nothing", "begin with an exchange that sends")
		case e.ShutdownWrite:
			refuse(e.Line, "there is no shutdown with UDP", "delete it")
		case e.Continues != nil:
			refuse(e.Line, "over UDP each request is one datagram", "delete continues")
		case longestOf(e) > MaxDatagram:
			refuse(e.Line, fmt.Sprintf("a datagram has at most %d bytes", MaxDatagram), "make it smaller")
		}
	}
	return dec.Err()
}

func longestOf(e Exchange) int64 {
	longest := int64(0)
	for _, m := range []*Message{e.Send, e.Expect} {
		if m != nil {
			longest = max(longest, m.maxSize(Framing{}))
		}
	}
	return longest
}

// matchDatagram holds one datagram against a pattern, which must be all of it.
func (s *Script) matchDatagram(pattern Pattern, b []byte) (Groups, *difference) {
	m := newMatcher(s.Framing, s.Volatile, pattern)
	switch st := m.advanceMatch(b, true); {
	case st == differs:
		return nil, m.diff
	case st == undecided:
		return nil, &difference{at: len(b), note: "the datagram is shorter than what was expected"}
	case m.at < len(b):
		return nil, &difference{at: m.at, note: "the datagram is longer than what was expected"}
	}
	return m.groups, nil
}

// A datagramPlayer is a client over UDP.
type datagramPlayer struct {
	script  *Script
	conn    Conn
	options Options
	played  Played
	came    chan []byte
	failed  chan error // of the socket; holds one
	tasks   sync.WaitGroup
}

func (s *Script) playDatagrams(ctx context.Context, conn Conn, o Options) Played {
	p := &datagramPlayer{script: s.ForConnection(), conn: conn, options: o, came: make(chan []byte), failed: make(chan error, 1)}
	start := time.Now()
	over := make(chan struct{})
	p.tasks.Go(func() { p.readLoop(over) })
	p.played.whole = p.playAll(ctx)
	close(over)
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	p.tasks.Wait()
	_ = conn.SetReadDeadline(time.Time{})
	if !o.NoEnd {
		_ = conn.Close()
	}
	p.played.Elapsed = time.Since(start)
	return p.played
}

// readLoop reads until the play is over. An error that ICMP leaves on the socket is told
// once, and is not its end.
func (p *datagramPlayer) readLoop(over <-chan struct{}) {
	buf := make([]byte, 1<<16)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			select {
			case p.failed <- err:
			default:
			}
			if endingOf(err) == event.Refused {
				continue
			}
			return
		}
		select {
		case p.came <- bytes.Clone(buf[:n]):
		case <-over:
			return
		}
	}
}

func (p *datagramPlayer) playAll(ctx context.Context) bool {
	for i := range p.script.Steps {
		if !p.playStep(ctx, i) {
			return false
		}
		p.played.Steps = i + 1
		if p.options.AfterStep == nil {
			continue
		}
		if err := p.options.AfterStep(i); err != nil {
			return p.stopPlay("", "after %s: %v", p.script.stepName(i), err)
		}
	}
	return true
}

func (p *datagramPlayer) stopPlay(ending event.Ending, format string, args ...any) bool {
	p.played.ReadEnding, p.played.Ending = ending, ending
	p.played.Incomplete = fmt.Sprintf(format, args...)
	return false
}

// playStep sends the request and waits for its answer.
func (p *datagramPlayer) playStep(ctx context.Context, i int) bool {
	if within := p.script.Steps[i].Within; within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	step := p.script.expandStep(i)
	if p.script.dynamic {
		p.played.sends = append(p.played.sends, step.Send)
	}
	if !p.sendRequest(i, step.Send) {
		return false
	}
	expect := p.script.expandStep(i).Expect
	for len(expect) > 0 {
		select {
		case b := <-p.came:
			if done, ok := p.takeReply(i, expect, b); done {
				return ok
			}
		case <-p.options.Resend:
			if !p.sendRequest(i, step.Send) {
				return false
			}
		case err := <-p.failed:
			if ending := endingOf(err); ending != event.Open {
				return p.stopPlay(ending, "%s: no reply: %v", p.script.stepName(i), err)
			}
		case <-ctx.Done():
			return p.stopPlay(event.Timeout, "%s: no reply within the time limit", p.script.stepName(i))
		}
	}
	return true
}

// sendRequest sends a datagram. What ICMP tells of an earlier one (udp(7)) is told
// instead of sending, and says nothing of this one.
func (p *datagramPlayer) sendRequest(i int, request []byte) bool {
	if request == nil {
		return true
	}
	_, err := p.conn.Write(request)
	if endingOf(err) == event.Refused {
		_, err = p.conn.Write(request)
	}
	if err != nil {
		p.played.WriteEnding = endingOf(err)
		return p.stopPlay(endingOf(err), "%s: the request could not be sent: %v", p.script.stepName(i), errors.Unwrap(err))
	}
	p.played.Sent += int64(len(request))
	return true
}

// takeReply takes a datagram; done: the step is over. A lenient player leaves what does not
// fit, and tells of it where nothing better comes.
func (p *datagramPlayer) takeReply(i int, expect Pattern, b []byte) (done, ok bool) {
	from := int64(len(p.played.Received))
	p.played.Received = append(p.played.Received, b...)
	groups, diff := p.script.matchDatagram(expect, b)
	if diff == nil {
		if p.script.values != nil {
			p.script.values.keep(p.script.Steps[i].keepExpected, groups)
		}
		p.played.borders = append(p.played.borders, replyBorder{i, len(p.played.Received)})
		p.played.Mismatch = nil
		return true, true
	}
	p.played.Mismatch = p.script.newMismatch(event.Client, i, from, expect, b, diff)
	if p.options.Lenient {
		return false, false
	}
	return true, p.stopPlay(event.Open, "%s: another reply came", p.script.stepName(i))
}

// MatchesDatagram reports whether a datagram is the reply of a step, from 0.
func (s *Script) MatchesDatagram(step int, b []byte) bool {
	_, diff := s.matchDatagram(s.Steps[step].Expect, b)
	return diff == nil
}
