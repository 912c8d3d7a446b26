package framing

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// longestRefusal is how long an answer may be that says why a message was refused.
const longestRefusal = 512

// answersOrRefuses expects the answers that follow from the relation and then
// the recorded one. Instead of an answer the server may refuse a message, by an
// error reply or by ending the connection, unless the target promises to take it.
// What it may not do is answer something else, or nothing.
func answersOrRefuses(promised bool) scenario.Expectation {
	return scenario.Expectation{Name: "answers or refuses", Check: func(o scenario.Observation) error {
		p, script := o.Played, o.Case.Conversation.Script
		last := len(script.Steps) - 1
		switch {
		case p == nil:
			return errors.New("the conversation did not start")
		case p.Steps > last:
			return nil
		case p.Mismatch != nil && isRefusal(p.Mismatch, script):
			return promiseBroken(promised, fmt.Sprintf("the server refused the message: %q", p.Mismatch.Got))
		case p.Mismatch != nil && p.Steps == last:
			return fmt.Errorf("the next request of the dialogue got a wrong answer: %w", p.Mismatch)
		case p.Mismatch != nil:
			return p.Mismatch
		case p.Ending == event.Timeout || p.Ending == event.Open:
			return fmt.Errorf("the server sent no answer and no refusal: %s%s", p.Incomplete, stuckText(o))
		case isTorn(p, script):
			return fmt.Errorf("the server closed the connection inside an answer: %s", p.Incomplete)
		}
		return promiseBroken(promised, fmt.Sprintf("the server closed the connection without an answer: %s", p.Incomplete))
	}}
}

// promiseBroken returns an error where a refusal breaks a promise.
func promiseBroken(promised bool, what string) error {
	if !promised {
		return nil
	}
	return fmt.Errorf("%s, although the target's max_message allows this size", what)
}

func stuckText(o scenario.Observation) string {
	switch {
	case o.Spins:
		return "; it spins: it uses a full CPU while no data moves"
	case o.Stuck != "":
		return "; " + o.Stuck
	}
	return ""
}

// isRefusal reports whether what came instead of an answer can be a refusal: it is
// short, and does not begin like the answer.
func isRefusal(m *dialogue.Mismatch, s *dialogue.Script) bool {
	if m.Step < 0 || m.Step >= len(s.Steps)-1 || len(m.Got) == 0 || len(m.Got) > longestRefusal {
		return false
	}
	want, _ := s.Steps[m.Step].Expect.LiteralBytes()
	got := m.Got
	if s.Framing.Kind != dialogue.Line && s.Framing.Kind != dialogue.HTTP {
		want, got = s.Framing.WithoutHeader(want), s.Framing.WithoutHeader(got)
	}
	const alike = 4
	n := min(alike, len(want), len(got))
	return len(got) > 0 && (n == 0 || !bytes.Equal(got[:n], want[:n]))
}

// isTorn reports whether a part of an answer came before the end.
func isTorn(p *dialogue.Played, s *dialogue.Script) bool {
	greeting, ok := s.Greeting.LiteralBytes()
	if !ok {
		return false
	}
	before := len(greeting)
	for _, step := range s.Steps[:p.Steps] {
		literal, _ := step.Expect.LiteralBytes()
		before += len(literal)
	}
	return len(p.Received) > before
}
