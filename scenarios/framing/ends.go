package framing

import (
	"bytes"
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// endless is how much of a line without an end is sent; half of it is more than
// any server needs to find out that it is too long.
const endless = 64 << 20

func endlessLine() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/endless-line",
		Title: "A line without an end does not fill the memory",
		Rationale: "Whoever reads until the delimiter, and has no limit, keeps what one client sends: gigabytes. Half of 64 MiB may be " +
			"kept, unless less is declared; a line that is refused, or skipped, is not judged. Where no max_message is declared " +
			"there may be none: a should.",
		Ref:   "CWE-770; ftpserverlib#215, cadis#3039, rust-lang/rust#48788",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, err := framed(c, dialogue.Line)
			if err != nil {
				return nil, err
			}
			most := c.Target.Policies.MaxMessage
			if len(c.Target.Server.Command) == 0 {
				return nil, c.Unsupported("only the memory of a process of ours can be looked at")
			}
			if most > endless/4 {
				return nil, c.Unsupported("the declared max_message is no limit for the %d MiB that are sent", endless>>20)
			}
			v := scenario.Variant{Budget: carrying(endless), Proof: scenario.ActStruck,
				Act:    func(ctx context.Context, rig scenario.Rig) error { return goOn(ctx, rig, letters(s)) },
				Expect: []scenario.Expectation{scenario.Acts()}}
			if most == 0 {
				v.Level = outcome.Should
			}
			return []scenario.Variant{v}, nil
		},
	}
}

// letters returns bytes of the first request that are no delimiter.
func letters(s *dialogue.Script) []byte {
	if b := bytes.TrimRight(s.Steps[0].Send, "\r\n"); len(b) > 0 && !bytes.ContainsAny(b, "\r\n") {
		return b
	}
	return []byte("x")
}

// goOn sends a line without an end until the server refuses it.
func goOn(ctx context.Context, rig scenario.Rig, letters []byte) error {
	settle(ctx, rig) // what it was about before must not count
	before, err := rig.Usage()
	if err != nil {
		return err
	}
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	chunk := bytes.Repeat(letters, 1<<20/len(letters))
	for sent := 0; sent < endless; sent += len(chunk) {
		t.send(chunk)
		got, ended := t.until(ctx, func(got []byte) bool { return len(got) > 0 || t.sent >= sent+len(chunk) })
		if len(got) > 0 || ended {
			rig.Struck(fmt.Sprintf("refused after %d MiB at most", (sent+len(chunk))>>20))
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the server has read less than %d bytes of a line, and has not refused it: %w", sent+len(chunk), context.Cause(ctx))
		}
	}
	t.taken(ctx, t.asked)
	rig.Struck(fmt.Sprintf("%d MiB without a line end", endless>>20))
	return grown(rig, before, endless/2, fmt.Sprintf("for a line of %d MiB that has not ended", endless>>20))
}

func unterminated() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/unterminated",
		Title: "A last message without its end is treated as the target declares",
		Rationale: "The stream ends and the delimiter, or the last byte, has not come: a cut connection, or a client that does not send " +
			"one at the end. A target that declares truncated: ignored answers nothing, one that declares accepted answers a " +
			"line as if it were whole. In any case the connection ends.",
		Ref:   "Socket Programming HOWTO; bufio.ScanLines; yegor256/takes#1227",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := related(c, dialogue.Line, dialogue.LengthPrefix, dialogue.Fixed)
			if err != nil {
				return nil, err
			}
			if len(s.Greeting) > 0 {
				return nil, c.Unsupported("a greeting cannot be told from an answer here")
			}
			size := 5
			if s.Framing.Kind == dialogue.Fixed {
				size = s.Framing.Size
			}
			body := r.filler(size)
			message, err := s.Framing.Frame(body)
			answer, known := r.answer(body)
			if err != nil || !known || len(message) < 2 {
				return nil, c.Unsupported("the answer to the whole message is not known")
			}
			cut := 1
			if s.Framing.CRLF {
				cut = 2
			}
			return []scenario.Variant{{Proof: scenario.ActStruck,
				Act: func(ctx context.Context, rig scenario.Rig) error {
					return leaveOpen(ctx, rig, message[:len(message)-cut], answer, c.Target.Policies.Truncated, s.Framing.Kind)
				},
				Expect: []scenario.Expectation{scenario.Acts()}}}, nil
		},
	}
}

// leaveOpen sends a message without its end, and FIN.
func leaveOpen(ctx context.Context, rig scenario.Rig, message, answer []byte, declared scenario.Truncation, kind dialogue.FramingKind) error {
	t, err := open(ctx, rig)
	if err != nil {
		return err
	}
	defer t.close()
	t.send(message)
	t.taken(ctx, len(message))
	t.send(nil)
	rig.Struck(fmt.Sprintf("FIN after %d bytes, which are not a whole message", len(message)))
	got, ended := t.until(ctx, func([]byte) bool { return false })
	switch {
	case !ended:
		return fmt.Errorf("the client has ended in the middle of a message, and the server has not ended the connection; got %s", excerpt(got))
	case declared == scenario.TruncationIgnored && len(got) > 0:
		return fmt.Errorf("a message that was not whole was answered: %s", excerpt(got))
	case declared == scenario.TruncationError && bytes.Contains(got, answer):
		return fmt.Errorf("a message that was not whole was answered as if it were: %s", excerpt(got))
	case declared == scenario.TruncationAccepted && kind == dialogue.Line && !bytes.Contains(got, answer):
		return fmt.Errorf("the last line had no end, and was not answered: got %s, want %s", excerpt(got), excerpt(answer))
	}
	return nil
}
