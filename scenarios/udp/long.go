package udp

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

func longRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/long-request",
		Title: "A request of any declared length is read whole",
		Rationale: "recv cuts a datagram that is longer than its buffer, without an error, and the rest is lost. A server with a buffer of 512, " +
			"1024 or 1500 bytes answers a part of a longer request.",
		Ref:   "recv(2) MSG_TRUNC; catalogue: udp-truncated",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			most := c.Target.Policies.MaxMessage
			script := c.Conversation.Script
			switch {
			case most <= 0:
				return nil, c.UnsupportedErrorf("the target does not declare how long a request may be; add policies: {max_message: BYTES}")
			case script == nil || script.Captures() || longestWord(script) == nil:
				return nil, c.UnsupportedErrorf("no reply of the dialogue repeats a word of its request, so the answer to a longer one is not known")
			}
			var out []scenario.Variant
			for _, size := range lengths(min(most, dialogue.MaxDatagram)) {
				out = append(out, act(c, fmt.Sprintf("bytes=%d", size), func(ctx context.Context, rig scenario.Rig) error { return sendLong(ctx, rig, script, size) }))
			}
			return out, nil
		},
	}
}

// lengths returns the lengths around buffers that people write down, up to the longest.
func lengths(most int64) []int {
	all := []int{511, 512, 513, 1023, 1024, 1025, 1472, 1473, 1500, 2048, 2049, 4096, 8192, dialogue.MaxDatagram, int(most)}
	all = slices.DeleteFunc(all, func(n int) bool { return n > int(most) })
	slices.Sort(all)
	return slices.Compact(all)
}

// A repeated is a word of a request that its reply repeats, as it is or in other letters.
type repeated struct {
	step                     int
	before, word, after      []byte // of the request
	replyBefore, said, rests []byte // of the reply
}

var word = regexp.MustCompile(`[A-Za-z]{3,}`)

// longestWord returns the last word of the first request that has one which its reply
// repeats; nil: there is none.
func longestWord(s *dialogue.Script) *repeated {
	for i, step := range s.Steps {
		reply, literal := step.Expect.LiteralBytes()
		all := word.FindAllIndex(step.Send, -1)
		slices.Reverse(all)
		for _, at := range all {
			said := step.Send[at[0]:at[1]]
			for _, image := range [][]byte{said, bytes.ToUpper(said), bytes.ToLower(said)} {
				if n := bytes.LastIndex(reply, image); literal && n >= 0 {
					return &repeated{i, step.Send[:at[0]], said, step.Send[at[1]:], reply[:n], image, reply[n+len(image):]}
				}
			}
		}
	}
	return nil
}

// stretched returns the exchange with the word made longer, so that the request has so many
// bytes.
func (r *repeated) stretched(size int) (request, reply []byte) {
	n := size - len(r.before) - len(r.after)
	fill := func(word []byte) []byte { return bytes.Repeat(word, n/len(word)+1)[:max(0, n)] }
	return slices.Concat(r.before, fill(r.word), r.after), slices.Concat(r.replyBefore, fill(r.said), r.rests)
}

func sendLong(ctx context.Context, rig scenario.Rig, script *dialogue.Script, size int) error {
	long := *script.ForConnection()
	r := longestWord(&long)
	if r == nil {
		return fmt.Errorf("%w: the word that the reply repeats is the one of the connection", scenario.ErrUnsupported)
	}
	request, reply := r.stretched(size)
	if len(reply) > dialogue.MaxDatagram {
		return fmt.Errorf("%w: the answer to a request of %s would be longer than a datagram", scenario.ErrUnsupported, plural.Count(size, "byte"))
	}
	long.Steps = slices.Clone(long.Steps[:r.step+1])
	long.Steps[r.step].Send, long.Steps[r.step].Expect = request, dialogue.Pattern{{SentBytes: reply}}
	rig.ReportStruck(fmt.Sprintf("request %d had %s", r.step+1, plural.Count(size, "byte")))
	if err := playLenient(ctx, rig, &long); err != nil {
		return fmt.Errorf("a request of %s: %w", plural.Count(size, "byte"), err)
	}
	return nil
}
