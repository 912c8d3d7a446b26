package framing

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// largest is the largest message that is sent to find out whether it is taken.
const largest = 16 << 20

// carrying is what a message of n bytes may take beyond the usual.
func carrying(n int) time.Duration { return time.Duration(n>>20) * 100 * time.Millisecond }

func maximum() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/maximum",
		Title: "A message of the declared maximum is answered, a longer one refused whole",
		Rationale: "A server that refuses the beginning of a line and takes the rest for the next one executes what was data: the " +
			"smuggling of requests. After the refusal it goes on with the next message, or ends the connection.",
		Ref:   "CWE-444; arcus-memcached#622",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := related(c, dialogue.Line, dialogue.LengthPrefix)
			if err != nil {
				return nil, err
			}
			most := int(c.Target.Policies.MaxMessage)
			if most <= 0 || most > largest {
				return nil, c.Unsupported("the target declares no max_message of %d bytes at most", largest)
			}
			sizes := []int{most, most + 1}
			if s.Framing.Kind == dialogue.Line {
				sizes = append(sizes, 2*most) // its end is not in sight when it is found too long
			}
			var out []scenario.Variant
			for _, n := range sizes {
				body := r.filler(n)
				answer, known := r.answer(body)
				message, err := s.Framing.Frame(body)
				reply, unframed := s.Framing.Frame(answer)
				if err != nil || unframed != nil || !known {
					continue
				}
				act := refusedWhole
				if n == most {
					act = answeredWhole
				}
				out = append(out, scenario.Variant{
					Name: fmt.Sprintf("size=%d", n), Proof: scenario.ActStruck, Budget: carrying(n),
					Act: func(ctx context.Context, rig scenario.Rig) error {
						return act(ctx, rig, message, reply, r.samples[0].step)
					},
					Expect: []scenario.Expectation{scenario.Acts()},
				})
			}
			if len(out) == 0 {
				return nil, c.Unsupported("the framing cannot carry a message of max_message")
			}
			return out, nil
		},
	}
}

// answeredWhole sends a message of the declared maximum.
func answeredWhole(ctx context.Context, rig scenario.Rig, message, answer []byte, _ dialogue.Step) error {
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	t.send(message)
	rig.Struck(fmt.Sprintf("a message of %d bytes, which is the declared maximum", len(message)))
	got, _ := t.until(ctx, func(got []byte) bool { return len(got) >= len(answer) })
	if !bytes.Contains(got, answer) {
		return fmt.Errorf("a message of the declared maximum was not answered: got %s, want %s", excerpt(got), excerpt(answer))
	}
	return nil
}

// tail is as much of an answer as nobody sends by chance.
const tail = 16

// refusedWhole sends a message that is too long and a recorded request. The
// message may be answered after all, or refused; no part of it may be.
func refusedWhole(ctx context.Context, rig scenario.Rig, message, answer []byte, recorded dialogue.Step) error {
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	t.send(message)
	if t.taken(ctx, len(message)) {
		t.send(recorded.Send)
	}
	rig.Struck(fmt.Sprintf("a message of %d bytes, which is more than the declared maximum", len(message)))
	reply, _ := recorded.Expect.Literal()
	got, ended := t.until(ctx, func(got []byte) bool { return bytes.HasSuffix(got, reply) })
	rest := answer[len(answer)-min(tail, len(answer)):]
	switch {
	case bytes.Contains(got, answer):
		return nil // it was no maximum
	case bytes.Contains(got, rest):
		return fmt.Errorf("the end of a message that was too long was taken for a message: got %s", excerpt(got))
	case !ended && !bytes.HasSuffix(got, reply):
		return fmt.Errorf("after a message that was too long the server neither ended the connection nor answered a recorded request: "+
			"got %s, want %s at the end", excerpt(got), excerpt(reply))
	}
	return nil
}
