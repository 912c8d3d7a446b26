package dialogue

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
)

const rpcDialogue = `
dialogue: rpc
framing: line
order: {tag: '"id":(\d+)'}
skip: ['"method":"log"']
exchanges:
  - send: "{\"id\":1}\n"
    expect: "{\"id\":1,\"a\":1}\n"
  - send: "{\"id\":2}\n"
    expect: {regex: '.*"id":2,"b".*'}
  - send: "{\"method\":\"bye\"}\n"
  - send: "{\"id\":3}\n"
    expect: "{\"id\":3}\n"
`

// answering is a server that reads so many lines, then writes text in pieces of n bytes, and
// closes: after the client, where the text is whole lines.
func answering(t *testing.T, lines int, text string, n int) Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 1)
		for lines > 0 {
			if _, err := io.ReadFull(conn, buf); err != nil {
				return
			}
			if buf[0] == '\n' {
				lines--
			}
		}
		for rest := text; rest != ""; {
			piece := rest[:min(n, len(rest))]
			rest = rest[len(piece):]
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
		if strings.HasSuffix(text, "\n") {
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	return dialTo(t, l.Addr().String())
}

// Answers in any order, with messages between them that the dialogue skips, are those of
// the dialogue in whatever pieces they come.
func TestAnswersInAnyOrder(t *testing.T) {
	s := script(t, rpcDialogue)
	log := `{"method":"log","id":1}` + "\n"
	one, two, three := `{"id":1,"a":1}`+"\n", `{"id":2,"b":2}`+"\n", `{"id":3}`+"\n"
	for _, text := range []string{one + two + three, log + three + two + log + one, two + one + three + log, three + log + one + two} {
		for _, n := range []int{1, 7, len(text)} {
			played := s.PlayClient(within30(t), answering(t, 4, text, n), Options{Pipelined: true})
			if !played.OK() || string(played.Received) != one+two+three {
				t.Errorf("%q in pieces of %d: %v, received %q", text, n, played.Err(), played.Received)
			}
		}
	}
}

// What answers nothing, an answer that comes twice and one that is cut off are wrong.
func TestWrongAnswersInAnyOrder(t *testing.T) {
	s := script(t, rpcDialogue)
	one, two, three := `{"id":1,"a":1}`+"\n", `{"id":2,"b":2}`+"\n", `{"id":3}`+"\n"
	for _, text := range []string{three + `{"id":9}` + "\n" + one + two, three + two + `{"id":1,"a":2}` + "\n", one + one + two + three, two + three + "{\"id\":1,\"a\n"} {
		played := s.PlayClient(within30(t), answering(t, 4, text, len(text)), Options{Pipelined: true})
		if played.OK() || played.Mismatch == nil {
			t.Errorf("%q: no mismatch, %v", text, played.Err())
		}
	}
}

// Without ids the order counts, and MatchReply leaves out what is skipped.
func TestSkippedMessages(t *testing.T) {
	s := script(t, `
dialogue: log
framing: line
skip: ['^log ']
exchanges:
  - send: "a\n"
    expect: "A\n"
  - send: "b\n"
    expect: "B\n"
`)
	for text, ok := range map[string]bool{"log 1\nA\nlog 2\nB\n": true, "B\nA\n": false, "A\nlog": false} {
		if played := s.PlayClient(within30(t), answering(t, 2, text, 3), Options{Pipelined: true}); played.OK() != ok {
			t.Errorf("%q: got %v, %v", text, played.OK(), played.Err())
		}
	}
	for text, want := range map[string]int{"log 1\nA\n": 8, "A\n": 2, "log 1\nlog 2\nA\nlog 3\n": 14} {
		if n, match := s.MatchReply(0, []byte(text), false); match != ReplyMatched || n != want {
			t.Errorf("%q: got %d, %v; want %d", text, n, match, want)
		}
	}
	if n, match := s.MatchReply(0, []byte("log 1\nC\n"), false); match != ReplyDiffers || n != 6 {
		t.Errorf("got %d, %v", n, match)
	}
	if _, match := s.MatchReply(0, []byte("log 1\n"), false); match != ReplyUndecided {
		t.Errorf("got %v", match)
	}
	if got := s.WithoutSkipped([]byte("log 1\nx\n")); !bytes.Equal(got, []byte("x\n")) {
		t.Errorf("got %q", got)
	}
}

func TestWithTag(t *testing.T) {
	s := script(t, rpcDialogue)
	step, ok := s.WithTag(0, "77")
	if answer, _ := step.Expect.LiteralBytes(); !ok || string(step.Send) != "{\"id\":77}\n" || string(answer) != "{\"id\":77,\"a\":1}\n" {
		t.Errorf("got %q, %v", step.Send, ok)
	}
	for _, i := range []int{1, 2} {
		if _, ok := s.WithTag(i, "77"); ok {
			t.Errorf("step %d has another tag", i)
		}
	}
}

func TestOrderIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"framing: none\norder: {tag: a}":           "order needs to know where each message ends",
		"framing: until-eof\nskip: [a]":            "skip needs to know where each message ends",
		"framing: line\nskip: ['a*']":              "matches every message",
		"framing: line\nskip: [OK]":                "expects a message that skip leaves out",
		"framing: line\norder: {tag: '.'}":         `"a" in the request and "O" in its answer`,
		"framing: line\norder: fifo":               "",
		"framing: line\norder: {}":                 "tag",
		"framing: line\norder: {tag: '('}":         "missing closing",
		"framing: line\norder: {tag: a, label: b}": "label",
	} {
		_, err := Parse("d.yaml", []byte("dialogue: d\n"+text+"\nexchanges:\n  - send: \"a\\n\"\n    expect: \"OK\\n\"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
