package framing

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

func messageSizes() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/sizes",
		Title: "A message of any size is answered like the others, or refused",
		Rationale: "Many buffers have a size that is a power of two, with an off-by-one error at the end. The harness learns " +
			"from the dialogue how an answer follows from its request, and expects the same for all sizes. A server " +
			"may refuse a size above a declared max_message, by an error reply or by closing. It must not send a wrong " +
			"answer or stay silent.",
		Ref:   "bufio.Scanner: MaxScanTokenSize; stricaud/faup#74, sniproxy#367",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := relatedScript(c, anyBody()...)
			if err != nil {
				return unrelatedSizes(c, err)
			}
			most := c.Target.Policies.MaxMessage
			var out []scenario.Variant
			for _, n := range scenario.SpreadEvenly(edgeSizes(s, most), c.Limit) {
				script, ok := r.scriptFor(s, r.fillerBody(n))
				if !ok {
					continue
				}
				out = append(out, scenario.Variant{
					Name:   fmt.Sprintf("size=%d", n),
					Script: script,
					Expect: []scenario.Expectation{answersOrRefuses(int64(n) <= most)},
				})
			}
			return out, nil
		},
	}
}

// edgeSizes returns the sizes of bodies that are worth a try, in order: one byte,
// around the powers of two up to 64 KiB, as far as the target takes them. A line
// fills a buffer with its delimiter.
func edgeSizes(s *dialogue.Script, most int64) []int {
	all := []int{1, 2}
	for n := 64; n <= 64<<10; n *= 2 {
		all = append(all, n-1, n, n+1)
		if s.Framing.Kind == dialogue.Line {
			all = append(all, n-2)
		}
	}
	if most > 0 {
		all = slices.DeleteFunc(all, func(n int) bool { return int64(n) > most })
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// unrelatedSizes stretches the first recorded request where nobody knows the
// answer: only that both sides still agree where messages begin can be told. It
// may change what the request asks, so that nothing of it is a must.
func unrelatedSizes(c scenario.Case, why error) ([]scenario.Variant, error) {
	s, err := framedScript(c, anyBody()...)
	if err != nil {
		return nil, why
	}
	all := wholeSamples(s)
	if len(all) == 0 || len(all[0].asked) == 0 {
		return nil, why
	}
	first := all[0]
	var out []scenario.Variant
	for _, n := range []int{255, 256, 1023, 1024, 4095, 4096, 4097, 65535, 65536, 65537} {
		body := slices.Clone(first.asked)
		for len(body) < n {
			body = append(body, first.asked[len(first.asked)-1])
		}
		message, err := s.Framing.FrameLike(first.step.Send, body)
		if err != nil || len(first.asked) > n {
			continue
		}
		v := scenario.ActVariant(fmt.Sprintf("size=%d", n), 0, func(ctx context.Context, rig scenario.Rig) error {
			return staysInStep(ctx, rig, s, message, first.step)
		})
		v.Level = outcome.Should
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, why
	}
	return out, nil
}

// isAnswered reports whether the reply is the last of what came, or any part of it where
// answers come in any order.
func isAnswered(s *dialogue.Script, got, reply []byte) bool {
	if s.Tag != nil {
		return bytes.Contains(got, reply)
	}
	return bytes.HasSuffix(got, reply)
}

// staysInStep sends a message that nobody knows the answer to, and then a
// recorded request: its answer is the last that comes, or the server ends the
// connection.
func staysInStep(ctx context.Context, rig scenario.Rig, s *dialogue.Script, message []byte, recorded dialogue.Step) error {
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	t.sendBytes(message)
	if !t.awaitConsumed(ctx, len(message)) {
		rig.ReportStruck("the server closed the connection")
		return nil
	}
	rig.ReportStruck(fmt.Sprintf("the server read %s", plural.Count(len(message), "byte")))
	reply, _ := recorded.Expect.LiteralBytes()
	t.sendBytes(recorded.Send)
	got, ended := t.awaitBytes(ctx, func(got []byte) bool { return isAnswered(s, got, reply) })
	if ended {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("after a message of %s the next request of the dialogue got a wrong answer: got %s, want %s at the end",
			plural.Count(len(message), "byte"), excerpt.QuoteEnds(got), excerpt.QuoteEnds(reply))
	}
	return nil
}
