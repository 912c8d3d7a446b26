package framing

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// largest is the largest message that is sent to find out whether it is taken.
const largest = 16 << 20

// carryTime is what a message of n bytes may take beyond the usual.
func carryTime(n int) time.Duration { return time.Duration(n>>20) * 100 * time.Millisecond }

func maximumSize() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/maximum",
		Title: "A message of the declared maximum is answered, a longer one is refused as a whole",
		Rationale: "A server that refuses the beginning of a long line and reads the rest as the next line executes data as a " +
			"command (request smuggling). After the refusal the server must go on with the next message or close the " +
			"connection.",
		Ref:   "CWE-444; arcus-memcached#622",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := relatedScript(c, anyBody()...)
			if err != nil {
				return nil, err
			}
			most := int(c.Target.Policies.MaxMessage)
			if most <= 0 || most > largest {
				return nil, c.UnsupportedErrorf("the target does not declare a max_message of at most %s", plural.Count(largest, "byte"))
			}
			sizes := []int{most, most + 1}
			if s.Framing.Kind == dialogue.Line {
				sizes = append(sizes, 2*most) // its end is not in sight when it is found too long
			}
			var out []scenario.Variant
			for _, n := range sizes {
				body := r.fillerBody(n)
				answer, known := r.predictReply(body)
				message, err := r.frameRequest(body)
				reply, unframed := r.frameReply(answer)
				if err != nil || unframed != nil || !known {
					continue
				}
				act := refusedWhole
				if n == most {
					act = answeredWhole
				}
				out = append(out, scenario.ActVariant(fmt.Sprintf("size=%d", n), carryTime(n), func(ctx context.Context, rig scenario.Rig) error {
					return act(ctx, rig, message, reply, r.samples[0].step)
				}))
			}
			if len(out) == 0 {
				return nil, c.UnsupportedErrorf("the framing cannot carry a message of max_message bytes")
			}
			return out, nil
		},
	}
}

// answeredWhole sends a message of the declared maximum.
func answeredWhole(ctx context.Context, rig scenario.Rig, message, answer []byte, _ dialogue.Step) error {
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	t.sendBytes(message)
	rig.ReportStruck(fmt.Sprintf("sent a message of %s, the declared maximum", plural.Count(len(message), "byte")))
	got, _ := t.awaitBytes(ctx, func(got []byte) bool { return len(got) >= len(answer) })
	if !bytes.Contains(got, answer) {
		return fmt.Errorf("the server did not answer a message of the declared maximum: got %s, want %s", excerpt.QuoteEnds(got), excerpt.QuoteEnds(answer))
	}
	return nil
}

// tail is as much of an answer as nobody sends by chance.
const tail = 16

// refusedWhole sends a message that is too long and a recorded request. The
// message may be answered after all, or refused; no part of it may be.
func refusedWhole(ctx context.Context, rig scenario.Rig, message, answer []byte, recorded dialogue.Step) error {
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	t.sendBytes(message)
	if t.awaitConsumed(ctx, len(message)) {
		t.sendBytes(recorded.Send)
	}
	rig.ReportStruck(fmt.Sprintf("sent a message of %s, more than the declared maximum", plural.Count(len(message), "byte")))
	reply, _ := recorded.Expect.LiteralBytes()
	got, ended := t.awaitBytes(ctx, func(got []byte) bool { return bytes.HasSuffix(got, reply) })
	rest := answer[len(answer)-min(tail, len(answer)):]
	switch {
	case bytes.Contains(got, answer):
		return nil // it was no maximum
	case bytes.Contains(got, rest):
		return fmt.Errorf("the server read the end of an oversized message as a new message: got %s", excerpt.QuoteEnds(got))
	case !ended && !bytes.HasSuffix(got, reply):
		return fmt.Errorf("after an oversized message the server must close the connection or answer the next request of the dialogue: got "+
			"%s, want %s at the end", excerpt.QuoteEnds(got), excerpt.QuoteEnds(reply))
	}
	return nil
}
