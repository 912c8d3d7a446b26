package framing

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func sizes() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/sizes",
		Title: "A message of any size is answered as the others are, or refused",
		Rationale: "Buffers have the size of a power of two, and are wrong by one. How an answer follows from its request is learned " +
			"from the dialogue; what it shows for five bytes must hold for 4096. A server may refuse a size, by an error reply " +
			"or by closing, unless it is within a declared max_message; it may not answer something else, or nothing.",
		Ref:   "bufio.Scanner: MaxScanTokenSize; stricaud/faup#74, sniproxy#367",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := related(c, dialogue.Line, dialogue.LengthPrefix)
			if err != nil {
				return unrelatedSizes(c, err)
			}
			most := c.Target.Policies.MaxMessage
			var out []scenario.Variant
			for _, n := range spread(edges(s, most), c.Limit) {
				script, ok := r.script(s, r.filler(n))
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

// edges returns the sizes of bodies that are worth a try, in order: one byte,
// around the powers of two up to 64 KiB, as far as the target takes them. A line
// fills a buffer with its delimiter.
func edges(s *dialogue.Script, most int64) []int {
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

// spread keeps at most limit of the sizes, the first and the last among them.
func spread(all []int, limit int) []int {
	if limit < 2 || len(all) <= limit {
		return all
	}
	out := make([]int, limit)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(limit-1)]
	}
	return out
}

// unrelatedSizes stretches the first recorded request where nobody knows the
// answer: only that both sides still agree where messages begin can be told. It
// may change what the request asks, so that nothing of it is a must.
func unrelatedSizes(c scenario.Case, why error) ([]scenario.Variant, error) {
	s, err := framed(c, dialogue.Line, dialogue.LengthPrefix)
	if err != nil {
		return nil, why
	}
	all := samples(s)
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
		message, err := s.Framing.Frame(body)
		if err != nil || len(first.asked) > n {
			continue
		}
		out = append(out, scenario.Variant{
			Name: fmt.Sprintf("size=%d", n), Level: outcome.Should, Proof: scenario.ActStruck,
			Act:    func(ctx context.Context, rig scenario.Rig) error { return staysInStep(ctx, rig, message, first.step) },
			Expect: []scenario.Expectation{scenario.Acts()},
		})
	}
	if len(out) == 0 {
		return nil, why
	}
	return out, nil
}

// staysInStep sends a message that nobody knows the answer to, and then a
// recorded request: its answer is the last that comes, or the server ends the
// connection.
func staysInStep(ctx context.Context, rig scenario.Rig, message []byte, recorded dialogue.Step) error {
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	t.send(message)
	if !t.taken(ctx, len(message)) {
		rig.Struck("the server ended the connection")
		return nil
	}
	rig.Struck(fmt.Sprintf("%d bytes were read", len(message)))
	reply, _ := recorded.Expect.Literal()
	t.send(recorded.Send)
	got, ended := t.until(ctx, func(got []byte) bool { return len(got) >= len(reply) && slices.Equal(got[len(got)-len(reply):], reply) })
	if ended {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("after a message of %d bytes a recorded request was not answered as recorded: got %s, want %s at the end",
			len(message), excerpt(got), excerpt(reply))
	}
	return nil
}
