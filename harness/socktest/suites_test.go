package socktest_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/sockharness/harness/harness/socktest"
)

// serveUpper starts a server that answers each line in upper case.
func serveUpper(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	open := sync.Map{}
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			wg.Go(func() {
				defer open.Delete(conn)
				defer conn.Close()
				for lines := bufio.NewReader(conn); ; {
					line, err := lines.ReadString('\n')
					if err != nil {
						return
					}
					if _, err := conn.Write([]byte(strings.ToUpper(line))); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return listener.Addr().String()
}

// Every built-in suite runs against a server of this process.
func TestTestServer(t *testing.T) {
	socktest.TestServer(t, serveUpper, socktest.Exchanges("say hello\n", "SAY HELLO\n", "bye\n", "BYE\n"), socktest.Sweep(4), socktest.Seed(1))
}

// pythonClient makes one exchange and exits with 0 when it got the reply whole.
const pythonClient = `import socket,sys
s=socket.create_connection(sys.argv[1].rsplit(":",1),1); s.settimeout(1); s.sendall(b"ping\n"); f=s.makefile("rb"); r=f.readline(); sys.exit(0 if r==b"PONG\n" else 1)`

func TestTestClient(t *testing.T) {
	socktest.TestClient(t, socktest.Command("python3 -c '"+pythonClient+"' {addr}"), socktest.Exchanges("ping\n", "PONG\n"), socktest.Sweep(3), socktest.Seed(1))
}

// Mistakes are told before anything starts.
func TestMistakesInDialogues(t *testing.T) {
	for _, d := range []socktest.Dialogue{
		socktest.Exchanges("one\n"), socktest.Exchanges(), socktest.DialogueText("dialogue: [x"), socktest.DialogueFile("/nowhere.yaml"),
	} {
		failed := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			inner := &testing.T{}
			defer func() { failed = inner.Failed() }()
			socktest.TestServer(inner, serveUpper, d)
		}()
		<-done
		if !failed {
			t.Errorf("%+v: no failure", d)
		}
	}
}

// Toxiproxy's own client speaks to a daemon in the test's process.
func TestNewToxiproxy(t *testing.T) {
	client := socktest.NewToxiproxy(t)
	proxy, err := client.CreateProxy("upper", "127.0.0.1:0", serveUpper(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proxy.AddToxic("", "latency", "downstream", 1, map[string]any{"latency": 1}); err != nil {
		t.Fatal(err)
	}
	peer := socktest.Dial(t, proxy.Listen)
	peer.Send("hello\n")
	peer.Want("HELLO\n")
}
