package rig

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
)

// scripted returns the script of a dialogue's text.
func scripted(t *testing.T, text string) *dialogue.Script {
	t.Helper()
	d, err := dialogue.Parse("d.yaml", []byte(text))
	if err != nil {
		t.Fatalf("dialogue: %v", err)
	}
	s, err := d.ResolveScript(seed.New(1))
	if err != nil {
		t.Fatalf("script: %v", err)
	}
	return s
}

// playSilent runs the script's client against a server that sends reply and then nothing,
// until the wait ends with the cause: in a bubble, so that it ends when nothing moves.
func playSilent(t *testing.T, s *dialogue.Script, reply string, cause error) (played dialogue.Played) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		go func() {
			_, _ = server.Read(make([]byte, 64)) // the request: the client has sent all of it
			_, _ = server.Write([]byte(reply))
		}()
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		played = s.PlayClient(ctx, pipeConn{client}, dialogue.Options{NoEnd: s.End != dialogue.ServerCloses})
	})
	return played
}

// pipeConn is a net.Pipe, which has no half-close.
type pipeConn struct{ net.Conn }

func (pipeConn) CloseWrite() error { return nil }

func TestControlFailureTellsWhatCame(t *testing.T) {
	s := scripted(t, "{dialogue: d, framing: line, exchanges: [{send: \"a\\n\", expect: \"hello\\n\"}]}")
	stuck := &await.StuckError{Diagnosis: probe.Diagnosis{}}
	err := controlFailure(s, playSilent(t, s, "hel", stuck), stuck)
	if err == nil {
		t.Fatal("want an error: half of the answer came")
	}
	for _, want := range []string{"fails without any fault", "exchange 1 (d.yaml:1)", "3 of 6 bytes", `want "hello\n"`, `got  "hel"`, "68 65 6c"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestControlFailureTellsAnEndThatIsContradicted(t *testing.T) {
	s := scripted(t, "{dialogue: d, framing: line, exchanges: [{send: \"a\\n\", expect: \"A\\n\"}], end: server closes}")
	err := controlFailure(s, playSilent(t, s, "A\n", context.DeadlineExceeded), context.DeadlineExceeded)
	if err == nil || !strings.Contains(err.Error(), `d.yaml says "end: server closes", but the server keeps the connection open`) {
		t.Errorf("got %v", err)
	}
	whole := dialogue.Played{Steps: 1, Ending: event.EOF}
	if err := controlFailure(s, whole, nil); err != nil {
		t.Errorf("a server that closes: %v", err)
	}
}

func TestClientFailureTellsWhatItSent(t *testing.T) {
	s := scripted(t, "{dialogue: d, framing: line, exchanges: [{send: \"hello\\n\", expect: \"HELLO\\n\"}]}")
	server, err := serveDialogue(t.Context(), s, newAddressBook(t.TempDir()), scenario.TCP, nil, nil)
	if err != nil {
		t.Fatalf("dialogue server: %v", err)
	}
	conn, err := dial(t.Context(), server.listenAddr())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	if _, err := conn.Write([]byte("help\n")); err != nil {
		t.Fatalf("write: %v", err)
	}
	_, _ = conn.Read(make([]byte, 1)) // the dialogue closes when it has seen the difference
	conn.Close()
	text := clientFailure(&scenario.Run{Exit: peer.Exit{Code: 2}, Stderr: []byte("no answer\n")}, server).Error()
	for _, want := range []string{"status 2", "no answer", "its bytes differ from the dialogue", `want "hello\n"`, `got  "help\n"`, "68 65 6c 70"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in: %s", want, text)
		}
	}
}

func TestControlFailsWhenTheClientSaysOtherThanTheDialogue(t *testing.T) {
	const ends = "{dialogue: d, framing: line, exchanges: [{send: \"hello\\n\", expect: \"HELLO\\n\"}]}"
	for _, tt := range []struct {
		name, sent string
		fails      bool
	}{
		{"another request", "help\n", true},
		{"the request", "hello\n", false},
		{"more after the last exchange", "hello\nbye\n", false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server, err := serveDialogue(t.Context(), scripted(t, ends), newAddressBook(t.TempDir()), scenario.TCP, nil, nil)
			if err != nil {
				t.Fatalf("dialogue server: %v", err)
			}
			conn, err := dial(t.Context(), server.listenAddr())
			if err != nil {
				t.Fatalf("dial: %v", err)
			}
			if _, err := conn.Write([]byte(tt.sent)); err != nil {
				t.Fatalf("write: %v", err)
			}
			_ = conn.CloseWrite()
			_, _ = io.Copy(io.Discard, conn) // the dialogue closes when it has seen the difference, or the end
			conn.Close()
			err = server.checkRequests()
			if errors.Is(err, ErrControl) != tt.fails {
				t.Fatalf("checkRequests: got %v, want an error: %v", err, tt.fails)
			}
			if tt.fails && !strings.Contains(err.Error(), `want "hello\n"`) {
				t.Errorf("the error does not show what was wanted: %v", err)
			}
		})
	}
	if err := (*dialogueServer)(nil).checkRequests(); err != nil {
		t.Errorf("no dialogue: got %v", err)
	}
}
