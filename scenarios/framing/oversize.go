package framing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

func oversize() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/oversize",
		Title: "A length that cannot be is neither believed nor fatal",
		Rationale: "Four bytes of a stranger say how much memory to allocate: 2 GiB per connection. As a signed number they are negative, " +
			"pass every check for too much, and end in a crash or in a body that is read as messages. A server may refuse such " +
			"a length or wait for what it announces; a client that gets one, and then the end, has failed.",
		Ref:   "CWE-789, CWE-195; CVE-2021-42076, EldenBingo#30, kamailio#4876",
		Level: outcome.Must,
		Roles: scenario.Anyone(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, err := framed(c, dialogue.LengthPrefix)
			if err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return announced(c, s)
			}
			if len(s.Steps[0].Send) == 0 {
				return nil, c.Unsupported("the dialogue has no first request to put after the length")
			}
			var out []scenario.Variant
			var bomb atomic.Uint64 // the length that the server has allocated: a larger one could take the machine down
			for _, length := range lengths(s.Framing, c.Target.Policies.MaxMessage) {
				out = append(out, scenario.Variant{
					Name:  fmt.Sprintf("length=%x", length),
					Proof: scenario.ActStruck,
					Act: func(ctx context.Context, rig scenario.Rig) error {
						return announce(ctx, rig, s, length, c.Target.Policies.MaxMessage, &bomb)
					},
					Expect: []scenario.Expectation{scenario.Acts()},
				})
			}
			return out, nil
		},
	}
}

// lengths returns the lengths that are worth a try, in order of the memory that
// they ask for: signs and halves of the header's range, what the header itself
// does not fit into, and none that is within a declared maximum.
func lengths(f dialogue.Framing, most int64) []uint64 {
	half := uint64(1) << (8*f.Bytes - 1)
	all := []uint64{half >> 1, half - 1, half, half + half - 1}
	if f.Bytes >= 4 {
		all = append(all, 1<<28) // enough to be seen, not to be a danger
	}
	if f.IncludesHeader {
		all = append(all, 0, 1, uint64(f.Bytes)-1)
	}
	all = slices.DeleteFunc(all, func(n uint64) bool { return n >= uint64(f.Bytes) && most > 0 && n <= uint64(most) })
	slices.Sort(all)
	return slices.Compact(all)
}

// header returns the length as the framing writes it.
func header(f dialogue.Framing, length uint64) []byte {
	out := make([]byte, f.Bytes)
	for i := range out {
		at := i
		if !f.LittleEndian {
			at = f.Bytes - 1 - i
		}
		out[at] = byte(length >> (8 * i))
	}
	return out
}

// unbelieved is how much a server's memory may grow for some hundred bytes.
const unbelieved = 96 << 20

// announce sends a length, and behind it recorded requests, which are within
// the message that it announces: nobody may answer them.
func announce(ctx context.Context, rig scenario.Rig, s *dialogue.Script, length uint64, most int64, bomb *atomic.Uint64) error {
	settle(ctx, rig) // what it was about before must not count
	before, measured := rig.Usage()
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	if b := bomb.Load(); 0 < b && b < length {
		rig.Struck("not sent: a smaller length has taken so much memory")
		return errors.New("a smaller length made the server allocate what it announced; this one would take more")
	}
	request := s.Steps[0].Send
	message := append(header(s.Framing, length), bytes.Repeat(request, 2)...)
	t.send(message)
	t.taken(ctx, len(message))
	rig.Struck(fmt.Sprintf("%x announced, %d bytes sent", length, len(message)))
	if measured == nil {
		if err := grown(rig, before, max(unbelieved, most), "to a message of which it has got a few bytes"); err != nil {
			bomb.Store(length)
			return err
		}
	}
	t.send(nil)
	got, ended := t.until(ctx, func([]byte) bool { return false })
	reply, _ := s.Steps[0].Expect.Literal()
	switch {
	case length >= uint64(s.Framing.Bytes) && len(reply) >= 4 && bytes.Contains(got, reply):
		return fmt.Errorf("the message of %d bytes was taken for none: what followed its length was answered: %s", length, excerpt(got))
	case !ended:
		return fmt.Errorf("the client has ended in the middle of a message of %d bytes, and the server has not ended the connection", length)
	}
	return nil
}

// grown returns an error when the server's resident memory has grown by more
// than most since before. A server that has died has none.
func grown(rig scenario.Rig, before probe.Usage, most int64, what string) error {
	now, err := rig.Usage()
	if err != nil {
		return nil
	}
	if growth := now.Since(before).Memory; growth > most {
		return fmt.Errorf("the server's resident memory has grown by %d MiB %s", growth>>20, what)
	}
	return nil
}

// announced are the variants for a client: the last answer begins with a length
// that cannot be, and then the stream ends.
func announced(c scenario.Case, s *dialogue.Script) ([]scenario.Variant, error) {
	last := len(s.Steps) - 1
	reply, ok := s.Steps[last].Expect.Literal()
	if !ok || len(reply) == 0 {
		return nil, c.Unsupported("the last answer has no bytes to put a length before")
	}
	var out []scenario.Variant
	for _, length := range lengths(s.Framing, c.Target.Policies.MaxMessage) {
		lying := *s
		lying.Steps, lying.End = slices.Clone(s.Steps), dialogue.ServerCloses
		lying.Steps[last].Expect = dialogue.Pattern{{Bytes: append(header(s.Framing, length), reply[:min(len(reply), 64)]...)}}
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("length=%x", length),
			Script: &lying,
			Expect: []scenario.Expectation{scenario.ReportsFailure()},
		})
	}
	return out, nil
}
