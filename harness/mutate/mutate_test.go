package mutate

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// patience bounds what must happen, on a machine that may be very busy.
const patience = time.Minute

// upperServer answers each line in capitals, closes after QUIT and at the end of input.
func upperServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerLines(conn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func answerLines(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == "QUIT\n" {
			return
		}
		if _, err := io.WriteString(conn, strings.ToUpper(line)); err != nil {
			return
		}
	}
}

// startRelay returns the address of a relay that tells the named lie about a server.
func startRelay(t *testing.T, name string) (addr, log string) {
	t.Helper()
	m, known := Find(scenario.Server, name)
	if !known {
		t.Fatalf("no mutation %s", name)
	}
	server := upperServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = filepath.Join(t.TempDir(), "acts")
	r := newRelay(context.Background(), m, dialogue.Framing{Kind: dialogue.Line}, log,
		func(ctx context.Context) (*net.TCPConn, error) { return dialTCP(ctx, server) })
	t.Cleanup(r.serveListener(l.(*net.TCPListener)))
	return l.Addr().String(), log
}

// talk sends text, half-closes if it is told to, and returns what came and how it ended.
func talk(t *testing.T, addr string, halfClose bool, pieces ...string) (string, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, piece := range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			break // the end tells
		}
	}
	if halfClose {
		_ = conn.(*net.TCPConn).CloseWrite() // it may have been reset
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(conn)
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return string(got), "reset"
	case err != nil:
		t.Fatal(err)
	}
	return string(got), "eof"
}

func TestLies(t *testing.T) {
	for _, tt := range []struct{ name, send, want, end string }{
		{Faithful, "ab\ncd\nQUIT\n", "AB\nCD\n", "eof"},
		{"lose-last-byte", "ab\ncd\nQUIT\n", "A\nC\n", "eof"},
		{"change-byte", "ab\nQUIT\n", "AC\n", "eof"},
		{"double-reply", "ab\nQUIT\n", "AB\nAB\n", "eof"},
		{"swap-replies", "ab\ncd\nQUIT\n", "CD\nAB\n", "eof"},
		{"lose-second-reply", "ab\ncd\nef\nQUIT\n", "AB\nEF\n", "eof"},
		{"empty-reply", "ab\nQUIT\n", "", "eof"},
		{"greet", "ab\nQUIT\n", "HELLO\nAB\n", "eof"},
		{"last-words", "ab\nQUIT\n", "AB\nBYE\n", "eof"},
		{"reset-for-fin", "QUIT\n", "", "reset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr, log := startRelay(t, tt.name)
			got, end := talk(t, addr, false, tt.send)
			if got != tt.want || end != tt.end {
				t.Errorf("got %q and %s, want %q and %s", got, end, tt.want, tt.end)
			}
			if _, err := os.Stat(log); (err == nil) == (tt.name == Faithful) {
				t.Errorf("the log of acts: %v", err)
			}
		})
	}
}

// A relay that does not lie passes on a half-close and the reply that comes after it.
func TestFaithfulHalfClose(t *testing.T) {
	addr, _ := startRelay(t, Faithful)
	if got, end := talk(t, addr, true, "ab\n"); got != "AB\n" || end != "eof" {
		t.Errorf("got %q and %s", got, end)
	}
}

func TestLieAtFIN(t *testing.T) {
	addr, _ := startRelay(t, "never-end")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "ab\nQUIT\n"); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 3)
	if _, err := io.ReadFull(conn, reply); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := conn.Read(reply); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection has ended: %v", err)
	}
}

func TestEveryMutationHasItsWords(t *testing.T) {
	for _, role := range []scenario.Role{scenario.Server, scenario.Client} {
		seen := map[string]bool{}
		for _, m := range Mutations(role) {
			if m.Summary == "" || m.Hint == "" || m.Role != role || seen[m.Name] {
				t.Errorf("%s of a %s: %+v", m.Name, role, m)
			}
			seen[m.Name] = true
		}
	}
}

func TestJudge(t *testing.T) {
	run := func(v outcome.Verdict) outcome.Run {
		return outcome.Run{Results: []outcome.Result{{Scenario: "a/b", Level: outcome.Must, Verdict: v, Message: "why\nmore"}}}
	}
	m, _ := Find(scenario.Server, "wrong-exit")
	for _, tt := range []struct {
		target string
		d      outcome.Run
		told   bool
		want   Status
	}{
		{"kv", run(outcome.Fail), true, Noticed},
		{"kv", run(outcome.Blocked), true, Noticed},
		{"kv", run(outcome.Pass), true, Survived},
		{"kv", run(outcome.Pass), false, NotTold},
		{"reference/line-server", run(outcome.Pass), true, Accepted},
		{"reference/line-server", run(outcome.Fail), true, Noticed},
	} {
		j := Judge(tt.target, m, tt.d, tt.told)
		if j.Status != tt.want || (j.Status == Noticed) != (j.Message == "why") {
			t.Errorf("%+v: got %+v", tt, j)
		}
	}
}

// What fails for information alone does not keep a scenario from judging: a lie would turn it red.
func TestScenariosThatJudge(t *testing.T) {
	result := func(id string, v outcome.Verdict, level outcome.Level) outcome.Result {
		return outcome.Result{Scenario: id, Verdict: v, Level: level}
	}
	passed, others := PassedScenarios(outcome.Run{Results: []outcome.Result{
		result("a/sound", outcome.Pass, outcome.Must), result("a/told", outcome.Pass, outcome.Must),
		result("a/told", outcome.Fail, outcome.Info), result("a/broken", outcome.Fail, outcome.Must),
	}})
	if strings.Join(passed, " ") != "a/sound a/told" || strings.Join(others, " ") != "a/broken" {
		t.Errorf("%q judge and %q do not", passed, others)
	}
}

// A relay that has no descriptor left serves again when one is free.
func TestRelayOutlivesItsDescriptors(t *testing.T) {
	l := &dryListener{errs: []error{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}}}
	r := newRelay(t.Context(), Mutation{}, dialogue.Framing{Kind: dialogue.Line}, "", nil)
	r.serve(l)
	if l.asked != 2 {
		t.Errorf("the relay asked %d times for a connection, want 2: once more after the descriptors ran out", l.asked)
	}
}

// A dryListener has no connection, but errors, and is closed after the last one.
type dryListener struct {
	errs  []error
	asked int
}

func (l *dryListener) AcceptTCP() (*net.TCPConn, error) {
	l.asked++
	if l.asked <= len(l.errs) {
		return nil, l.errs[l.asked-1]
	}
	return nil, net.ErrClosed
}

// The program behind a mutant is told what only the run knows, each word once.
func TestWordsOfAProgram(t *testing.T) {
	c := peer.Command{Args: []string{"serve", "{port}", "--data={tmp}/{db.port}", "{tmp}"}, Env: []string{"DB={db.addr}", "A={addr}"}}
	s := Spec{Command: c, Words: WordsOf(c)}
	if want := []string{"{tmp}", "{db.port}", "{db.addr}"}; !slices.Equal(s.Words, want) {
		t.Fatalf("got the words %q, want %q: the relay has the others", s.Words, want)
	}
	if err := s.replaceWords([]string{"/t", "5432", "127.0.0.1:5432"}); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Command.String(), "serve {port} --data=/t/5432 /t"; got != want || s.Command.Env[0] != "DB=127.0.0.1:5432" {
		t.Errorf("got %s and %q, want %s", got, s.Command.Env, want)
	}
	if err := s.replaceWords(nil); err == nil {
		t.Error("a mutant that is told no values says nothing")
	}
}
