package framing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

func oversizeLength() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/oversize",
		Title: "An impossible length prefix does not make the peer allocate that much or crash",
		Rationale: "Four bytes from an untrusted client can make a server allocate 2 GiB per connection. As a signed number " +
			"the length is negative, passes every check for \"too long\", and leads to a crash or to a body that is read " +
			"as messages. A server may refuse such a length or wait for the data. A client that reads it, followed by " +
			"the end of the stream, must fail.",
		Ref:   "CWE-789, CWE-195; CVE-2021-42076, EldenBingo#30, kamailio#4876",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, err := framedScript(c, dialogue.LengthPrefix, dialogue.Varint, dialogue.ASCIILength, dialogue.ContentLength, dialogue.HTTP)
			if err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return announcedVariants(c, s)
			}
			if len(s.Steps[0].Send) == 0 {
				return nil, c.UnsupportedErrorf("the dialogue has no first request to send after the length")
			}
			if _, ok := s.Framing.HeaderLike(s.Steps[0].Send, 0); !ok {
				return nil, c.UnsupportedErrorf("the first request of the dialogue says no length that could be changed")
			}
			var out []scenario.Variant
			var bomb atomic.Uint64 // the length that the server has allocated: a larger one could take the machine down
			for _, length := range probeLengths(s.Framing, c.Target.Policies.MaxMessage) {
				out = append(out, scenario.ActVariant(fmt.Sprintf("length=%x", length), 0, func(ctx context.Context, rig scenario.Rig) error {
					return announceLength(ctx, rig, s, length, c.Target.Policies.MaxMessage, &bomb)
				}))
			}
			return out, nil
		},
	}
}

// probeLengths returns the lengths that are worth a try, in order of the memory that
// they ask for: signs and halves of the header's range, what the header itself
// does not fit into, and none that is within a declared maximum.
func probeLengths(f dialogue.Framing, most int64) []uint64 {
	largest := f.LargestLength()
	half := largest/2 + 1
	all := []uint64{half >> 1, half - 1, half, largest}
	if largest > 1<<28 {
		all = append(all, 1<<28) // enough to be seen, not to be a danger
	}
	if least := f.LeastLength(); least > 0 {
		all = append(all, 0, 1, least-1)
	}
	all = slices.DeleteFunc(all, func(n uint64) bool { return n >= uint64(f.Bytes) && most > 0 && n <= uint64(most) })
	slices.Sort(all)
	return slices.Compact(all)
}

// unbelieved is how much a server's memory may grow for some hundred bytes.
const unbelieved = 96 << 20

// announceLength sends a length, and behind it recorded requests, which are within
// the message that it announces: nobody may answer them.
func announceLength(ctx context.Context, rig scenario.Rig, s *dialogue.Script, length uint64, most int64, bomb *atomic.Uint64) error {
	awaitSleep(ctx, rig) // what it was about before must not count
	before, measured := rig.ServerUsage()
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	if b := bomb.Load(); 0 < b && b < length {
		rig.ReportStruck("not sent: a smaller length already made the server allocate too much memory")
		return errors.New("a smaller length made the server allocate the announced size; this one would take more")
	}
	request := s.Steps[0].Send
	header, _ := s.Framing.HeaderLike(request, length)
	message := append(header, bytes.Repeat(request, 2)...)
	t.sendBytes(message)
	t.awaitConsumed(ctx, len(message))
	rig.ReportStruck(fmt.Sprintf("sent the length prefix %#x and %s", length, plural.Count(len(message), "byte")))
	if measured == nil {
		if err := memoryGrown(rig, before, max(unbelieved, most), "after it had received a few bytes of a message"); err != nil {
			bomb.Store(length)
			return err
		}
	}
	t.sendBytes(nil)
	got, ended := t.awaitBytes(ctx, func([]byte) bool { return false })
	reply, _ := s.Steps[0].Expect.LiteralBytes()
	switch {
	case length >= uint64(s.Framing.Bytes) && len(reply) >= 4 && bytes.Contains(got, reply):
		return fmt.Errorf("the server read the bytes after the length prefix of a message of %s as a new message, and answered: %s", plural.Count(length, "byte"), excerpt.QuoteEnds(got))
	case !ended:
		return fmt.Errorf("the client closed in the middle of a message of %s, and the server has not closed the connection", plural.Count(length, "byte"))
	}
	return nil
}

// memoryGrown returns an error when the server's resident memory has grown by more
// than most since before. A server that has died has none.
func memoryGrown(rig scenario.ServerRig, before probe.Usage, most int64, what string) error {
	now, err := rig.ServerUsage()
	if err != nil {
		return nil
	}
	if growth := now.GrowthSince(before).Memory; growth > most {
		return fmt.Errorf("the server's resident memory grew by %d MiB %s", growth>>20, what)
	}
	return nil
}

// announcedVariants are the variants for a client: the last answer begins with a length
// that cannot be, and then the stream ends.
func announcedVariants(c scenario.Case, s *dialogue.Script) ([]scenario.Variant, error) {
	last := len(s.Steps) - 1
	reply, ok := s.Steps[last].Expect.LiteralBytes()
	if !ok || len(reply) == 0 {
		return nil, c.UnsupportedErrorf("the last answer has no bytes, so it has no length prefix to change")
	}
	var out []scenario.Variant
	for _, length := range probeLengths(s.Framing, c.Target.Policies.MaxMessage) {
		header, ok := s.Framing.HeaderLike(reply, length)
		if !ok {
			return nil, c.UnsupportedErrorf("the last answer says no length that could be changed")
		}
		lying := *s
		lying.Steps, lying.End = slices.Clone(s.Steps), dialogue.ServerCloses
		lying.Steps[last].Expect = dialogue.Pattern{{SentBytes: append(header, reply[:min(len(reply), 64)]...)}}
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("length=%x", length),
			Script: &lying,
			Expect: []scenario.Expectation{scenario.ReportsFailure()},
		})
	}
	return out, nil
}
