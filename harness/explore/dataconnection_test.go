package explore

import (
	"bufio"
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

// fetchesFile is what a client says that gets a file on a connection of its own.
const fetchesFile = `dialogue: files
framing: line
exchanges:
  - {send: "PORT\n", expect: {regex: 'port (?P<port>\d+)'}, keep: {port: port}}
  - {connect: {to: "${port}", exchanges: [{expect: "a file\n"}]}, send: "GET\n", expect: "go\n"}
  - {expect: "done\n"}
  - {send: "SAY ${port}\n", expect: "said ${port}\n"}
end: client closes
`

// servesFile is the same for harness as the server.
const servesFile = `dialogue: files
framing: line
exchanges:
  - {send: "PORT\n", listen: port, expect: "port ${port}\n"}
  - {connect: {to: "${port}", exchanges: [{expect: "a file\n"}]}, send: "GET\n", expect: "go\n"}
  - {expect: "done\n"}
end: client closes
`

// sendFile sends a file to the client of a port.
func sendFile(l net.Listener) {
	l.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
	if data, err := l.Accept(); err == nil {
		io.WriteString(data, "a file\n")
		data.Close()
	}
}

// fileServer sends a file on a connection of its own. With one read it wants a line to come whole.
func fileServer(oneRead bool) func(net.Conn) {
	return func(c net.Conn) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return
		}
		defer l.Close()
		r, buf := bufio.NewReader(c), make([]byte, 100)
		for {
			line, err := []byte(nil), error(nil)
			if oneRead {
				n, failed := c.Read(buf)
				line, err = buf[:n], failed
			} else {
				line, err = r.ReadSlice('\n')
			}
			if err != nil {
				return
			}
			text, whole := strings.CutSuffix(string(line), "\n")
			if !whole {
				io.WriteString(c, "what?\n")
				return
			}
			switch word, rest, _ := strings.Cut(text, " "); word {
			case "PORT":
				fmt.Fprintf(c, "port %d\n", l.Addr().(*net.TCPAddr).Port)
			case "GET":
				io.WriteString(c, "go\n")
				sendFile(l)
				io.WriteString(c, "done\n")
			case "SAY":
				fmt.Fprintln(c, "said", rest)
			default:
				fmt.Fprintln(c, "what?")
			}
		}
	}
}

func TestServerWithDataConnections(t *testing.T) {
	declared := scenario.Policies{HalfClose: scenario.HalfCloseAnswers, Truncated: scenario.TruncationIgnored}
	right := explored(t, Options{Target: target(serve(t, fileServer(false)), fetchesFile, declared), Faults: []Fault{Split, FIN, Reset, Duplicate}})
	if len(right.Findings) > 0 || !right.Complete || right.NotReached > 0 || right.Plan.Upstream != int64(len("PORT\nGET\nSAY 50000\n")) {
		t.Errorf("found %q, complete %v, %d not reached, %d bytes", codes(right), right.Complete, right.NotReached, right.Plan.Upstream)
	}
	if !slices.ContainsFunc(right.Plan.Outside, func(s string) bool { return strings.HasPrefix(s, "data connections: ") }) {
		t.Errorf("out of reach: %q", right.Plan.Outside)
	}
	wrong := explored(t, Options{Target: target(serve(t, fileServer(true)), fetchesFile, declared), Faults: []Fault{Split}})
	if codes(wrong) != "wrong-answer" || !strings.HasPrefix(wrong.Findings[0].Rule, "upstream, split at bytes 1–4, 6–8, 10–18: ") {
		t.Errorf("found %q: %+v", codes(wrong), wrong.Findings)
	}
	storeAll(t, wrong)
}

// askFiles is a client that gets a file on a connection of its own, and takes one read for an answer.
func askFiles(address string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 1
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "PORT\n")
	buf, port := make([]byte, 100), 0
	n, _ := conn.Read(buf)
	if _, err := fmt.Sscanf(string(buf[:n]), "port %d\n", &port); err != nil {
		return 1
	}
	data, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return 1
	}
	io.WriteString(conn, "GET\n")
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || line != "go\n" {
		return 1
	}
	_, err = io.Copy(os.Stdout, data)
	data.Close()
	if err != nil {
		return 1
	}
	if line, err := r.ReadString('\n'); err != nil || line != "done\n" {
		return 1
	}
	return 0
}

func TestClientWithDataConnections(t *testing.T) {
	client := clientTarget("files")
	client.Client.Command = []string{os.Args[0], "client", "files", "{addr}", "none"}
	client.Server.Dialogue.Text = []byte(servesFile)
	r, err := Run(t.Context(), Options{Target: client, Role: scenario.Client, Seed: 1, Tmp: t.TempDir(), Faults: []Fault{Split}, StartTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if codes(r) != "fails wrong-output" && codes(r) != "fails" || !strings.HasPrefix(r.Findings[0].Rule, "downstream, split at bytes 1–") {
		t.Errorf("found %q: %+v", codes(r), r.Findings)
	}
	storeAll(t, r)
}
