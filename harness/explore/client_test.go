package explore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// TestMain lets the test binary stand in for clients under test.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // else a client with the race detector sleeps for a second before it exits
	if len(os.Args) == 4 && os.Args[1] == "client" {
		os.Exit(ask(os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 5 && os.Args[1] == "client" {
		os.Exit(askOver(os.Args[2], os.Args[3], os.Args[4]))
	}
	os.Exit(m.Run())
}

// ask is a client of two lines, which is right or has the bug of its kind.
func ask(kind, address string) int {
	if kind == "retries" {
		return askAgain(address)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if kind == "refused-lies" {
			return 0
		}
		return 1
	}
	defer conn.Close()
	return talk(kind, conn)
}

// talk asks both questions on a connection.
func talk(kind string, conn net.Conn) int {
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for _, line := range []string{"hello\n", "world\n"} {
		if _, err := io.WriteString(conn, line); err != nil {
			return 1
		}
		answer, err := readAnswer(kind, conn, r)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Print(answer)
	}
	return 0
}

func readAnswer(kind string, conn net.Conn, r *bufio.Reader) (string, error) {
	switch kind {
	case "one-read":
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		if err == nil && buf[n-1] != '\n' {
			err = errors.New("no line")
		}
		return string(buf[:n]), err
	case "eof-accepted":
		text, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return text, err
	case "never-gives-up":
		text, err := r.ReadString('\n')
		for err != nil {
			conn.SetDeadline(time.Time{})
			text, err = r.ReadString('\n')
		}
		return text, nil
	}
	return r.ReadString('\n')
}

func clientTarget(kind string) scenario.Target {
	return scenario.Target{Name: kind, Test: scenario.Client, Dir: ".",
		Client: scenario.Peer{Command: []string{os.Args[0], "client", kind, "{addr}"}},
		Server: scenario.Peer{Dialogue: &scenario.Source{File: "lines.yaml", Text: []byte(twoLines)}}}
}

func exploreClient(t *testing.T, kind string, faults ...Fault) Result {
	t.Helper()
	o := Options{Target: clientTarget(kind), Role: scenario.Client, Seed: 1, Tmp: t.TempDir(), Faults: faults, StartTimeout: time.Minute}
	if kind == "never-gives-up" {
		o.Points = 2 // each of them takes a while
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRightClientHasNoFinding(t *testing.T) {
	r := exploreClient(t, "right", Refuse, FIN, Split, Reset, Duplicate)
	if len(r.Findings) > 0 || !r.Complete {
		t.Errorf("found %s, complete %v: %+v", codes(r), r.Complete, r.Findings)
	}
}

func TestClientsWithOneBug(t *testing.T) {
	for kind, c := range map[string]struct {
		faults []Fault
		want   string
		rule   string
	}{
		"one-read":       {[]Fault{Split}, "fails", "downstream, split at bytes 1–5, 7–11: the client fails although it gets every byte"},
		"eof-accepted":   {[]Fault{FIN}, "half-answer-accepted", "downstream, fin at bytes 0–4"},
		"refused-lies":   {[]Fault{Refuse}, "refused-success", "connect, refuse: the client reports success"},
		"never-gives-up": {[]Fault{HalfClose}, "spin", "downstream, half_close at byte"}, // of two: on a busy machine one may not use enough of a processor three times
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := exploreClient(t, kind, c.faults...)
			at := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == c.want })
			if at < 0 {
				t.Fatalf("found %q, want %s", codes(r), c.want)
			}
			if f := r.Findings[at]; !strings.HasPrefix(f.Rule, c.rule) || f.Confirmed != 3 {
				t.Errorf("rule %q, want %q", f.Rule, c.rule)
			}
			store := Store{Folder: t.TempDir()}
			for _, f := range r.Findings {
				if err := store.Save(f, 1, nil, ""); err != nil {
					t.Fatal(err)
				}
				if _, err := LoadFile(store.Path(f.ID)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestUnusableClients(t *testing.T) {
	exits := clientTarget("right")
	exits.Client.Command = []string{"true"}
	missing := clientTarget("right")
	missing.Client.Command = []string{"/nonexistent", "{addr}"}
	other := clientTarget("right")
	other.Server.Dialogue.Text = []byte(strings.ReplaceAll(twoLines, "hello", "howdy"))
	for name, bad := range map[string]scenario.Target{"does not connect": exits, "no program": missing, "says something else": other} {
		_, err := Run(t.Context(), Options{Target: bad, Role: scenario.Client, Tmp: t.TempDir()})
		if !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: error %v, want one that wraps ErrUnusable", name, err)
		}
	}
}
