package dialogue

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/peer"
)

const checkout = "../.."

// pageExamples returns the dialogues of the page by name, each with the command of the
// server that its first line names.
func pageExamples(t *testing.T) map[string][2]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if _, err := Parse("page.yaml", []byte(m[1])); err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
	}
	all := map[string][2]string{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# ([^\n]+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		d, err := Parse("page.yaml", []byte(m[2]))
		if err != nil {
			t.Fatalf("%v\n%s", err, m[2])
		}
		all[d.Name] = [2]string{m[1], m[2]}
	}
	return all
}

// startExample starts the server of an example and returns its address once something
// listens there.
func startExample(t *testing.T, command string) string {
	t.Helper()
	free, release, err := peer.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	port := strconv.Itoa(free)
	addr := net.JoinHostPort("127.0.0.1", port)
	args := strings.Fields(strings.NewReplacer("{port}", port, "{tmp}", t.TempDir(), "''", "").Replace(command))
	if strings.Contains(args[0], "/") {
		args[0], _ = filepath.Abs(filepath.Join(checkout, args[0]))
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	program := args[0]
	if strings.HasSuffix(program, ".sh") {
		program = strings.TrimSuffix(filepath.Base(program), ".sh")
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	server := exec.Command(args[0], args[1:]...)
	server.Dir = checkout
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	server.WaitDelay = bound
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Wait() }()
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(bound):
			server.Process.Kill()
			<-ended
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(2 * bound); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("%s ended: %s", command, &output)
		case <-over:
			t.Fatalf("%s does not listen: %v", command, err)
		}
	}
}

// TestPageExamplesArePlayed plays each dialogue of the page with the program that it
// names: one exchange after the other, and twice on one server.
func TestPageExamplesArePlayed(t *testing.T) {
	examples := pageExamples(t)
	if len(examples) < 13 {
		t.Errorf("the page has %d examples, want 13", len(examples))
	}
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			addr := startExample(t, example[0])
			s := script(t, example[1])
			for range 2 {
				played := s.PlayClient(within30(t), dialTo(t, addr), Options{})
				if !played.OK() {
					t.Errorf("%v", played.Err())
				}
			}
			if parts := s.RequestParts(); len(parts) < len(s.Steps) {
				t.Errorf("the requests have %d parts in %d exchanges", len(parts), len(s.Steps))
			}
		})
	}
}

func dialTo(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	var dialer net.Dialer
	dialer.SetMultipathTCP(false)
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// TestPageNamesEachFraming holds the table of the page against what is known.
func TestPageNamesEachFraming(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(FramingNames(), framingForms[:]...) {
		if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "{"+name+":") {
			t.Errorf("the page does not name the framing %s", name)
		}
	}
}
