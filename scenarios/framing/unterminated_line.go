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

// endless is how much of a line without an end is sent; half of it is more than
// any server needs to find out that it is too long.
const endless = 64 << 20

func endlessLine() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/endless-line",
		Title: "A line without an end does not fill the memory",
		Rationale: "A server that reads until the delimiter without a limit buffers everything one client sends, up to " +
			"gigabytes. The server may keep half of 64 MiB, or the declared max_message if that is less. A server " +
			"whose reads become slower as the line grows searches it from the beginning at each read, and fails too. A " +
			"line that is refused or skipped passes. Without a declared max_message this is level should.",
		Ref:   "CWE-770; ftpserverlib#215, cadis#3039, rust-lang/rust#48788",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, err := framedScript(c, dialogue.Line)
			if err != nil {
				return nil, err
			}
			most := c.Target.Policies.MaxMessage
			if len(c.Target.Server.Command) == 0 {
				return nil, c.UnsupportedErrorf("the harness can measure the memory of a server only if it starts it; give a command instead of an address")
			}
			if most > endless/4 {
				return nil, c.UnsupportedErrorf("the declared max_message is larger than the %d MiB that this scenario sends", endless>>20)
			}
			v := scenario.ActVariant("", carryTime(endless)+maxPaceTime, func(ctx context.Context, rig scenario.Rig) error {
				return goOn(ctx, rig, requestLetters(s))
			})
			if most == 0 {
				v.Level, v.Declare = outcome.Should, "policies: {max_message: 65536}, with the server's own limit"
			}
			return []scenario.Variant{v}, nil
		},
	}
}

// requestLetters returns bytes of the first request that are no delimiter.
func requestLetters(s *dialogue.Script) []byte {
	if b := bytes.TrimRight(s.Steps[0].Send, "\r\n"); len(b) > 0 && !bytes.ContainsAny(b, "\r\n") {
		return b
	}
	return []byte("x")
}

// goOn sends a line without an end until the server refuses it.
func goOn(ctx context.Context, rig scenario.Rig, letters []byte) error {
	awaitSleep(ctx, rig) // what it was about before must not count
	before, err := rig.ServerUsage()
	if err != nil {
		return err
	}
	start := time.Now()
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	chunk := bytes.Repeat(letters, max(1, paceChunk/len(letters)))
	pace := readPace{chunk: len(chunk), spent: before.CPU}
	for sent := 0; sent < endless && !pace.over(); sent += len(chunk) {
		t.sendBytes(chunk)
		switch refused, err := t.refusedWithin(ctx, sent+len(chunk)); {
		case refused:
			rig.ReportStruck(fmt.Sprintf("the server refused the line after at most %d MiB", (sent+len(chunk))>>20))
			return nil
		case err != nil:
			return fmt.Errorf("the server read less than %s of a line and did not refuse it: %w", plural.Count(sent+len(chunk), "byte"), err)
		}
		now, err := rig.ServerUsage()
		if err != nil {
			return err
		}
		pace.chunkRead(time.Since(start), now.CPU)
	}
	t.awaitConsumed(ctx, t.asked)
	rig.ReportStruck(fmt.Sprintf("sent %d MiB without a line end, read at %s", pace.read()>>20, pace.speed()))
	if err := pace.slowing(); err != nil {
		return err
	}
	if err := memoryGrown(rig, before, endless/2, fmt.Sprintf("for an unfinished line of %d MiB", pace.read()>>20)); err != nil {
		return err
	}
	return pace.tooLittle(endless / 2)
}

func unterminatedLine() scenario.Scenario {
	return scenario.Scenario{
		ID:    "framing/unterminated",
		Title: "A last message without its end is handled as the target declares",
		Rationale: "The stream ends before the delimiter or the last byte, because the connection was cut or because the " +
			"client never sends a last delimiter. With truncated: ignored the server must not answer. With truncated: " +
			"accepted it must answer the line as if it were complete. In both cases it must close the connection.",
		Ref:   "Socket Programming HOWTO; bufio.ScanLines; yegor256/takes#1227",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			s, r, err := relatedScript(c, append(anyBody(), dialogue.Fixed)...)
			if err != nil {
				return nil, err
			}
			if len(s.Greeting) > 0 {
				return nil, c.UnsupportedErrorf("the dialogue has a greeting, which looks like an answer here")
			}
			size := 5
			if s.Framing.Kind == dialogue.Fixed {
				size = s.Framing.Size
			}
			body := r.fillerBody(size)
			message, err := r.frameRequest(body)
			answer, known := r.predictReply(body)
			if err != nil || !known || len(message) < 2 {
				return nil, c.UnsupportedErrorf("the dialogue does not show the answer to the complete message")
			}
			cut := 1
			switch {
			case s.Framing.CRLF:
				cut = 2
			case s.Framing.Kind == dialogue.Markers:
				cut = len(s.Framing.End)
			}
			return []scenario.Variant{scenario.ActVariant("", 0, func(ctx context.Context, rig scenario.Rig) error {
				return leaveOpen(ctx, rig, message[:len(message)-cut], answer, c.Target.Policies.Truncated, s.Framing.Kind)
			})}, nil
		},
	}
}

// leaveOpen sends a message without its end, and FIN.
func leaveOpen(ctx context.Context, rig scenario.Rig, message, answer []byte, declared scenario.Truncation, kind dialogue.FramingKind) error {
	t, err := openClient(ctx, rig)
	if err != nil {
		return err
	}
	defer t.closeConn()
	t.sendBytes(message)
	t.awaitConsumed(ctx, len(message))
	t.sendBytes(nil)
	rig.ReportStruck(fmt.Sprintf("sent FIN after %s of an incomplete message", plural.Count(len(message), "byte")))
	got, ended := t.awaitBytes(ctx, func([]byte) bool { return false })
	switch {
	case !ended:
		return fmt.Errorf("the client closed in the middle of a message, and the server has not closed the connection; got %s", excerpt.QuoteEnds(got))
	case declared == scenario.TruncationIgnored && len(got) > 0:
		return fmt.Errorf("the server answered an incomplete message: %s", excerpt.QuoteEnds(got))
	case declared == scenario.TruncationError && bytes.Contains(got, answer):
		return fmt.Errorf("the server answered an incomplete message as if it were complete: %s", excerpt.QuoteEnds(got))
	case declared == scenario.TruncationAccepted && kind == dialogue.Line && !bytes.Contains(got, answer):
		return fmt.Errorf("the server did not answer the last line, which had no line end: got %s, want %s", excerpt.QuoteEnds(got), excerpt.QuoteEnds(answer))
	}
	return nil
}
