package explore

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/tlsconn"
)

// serveOn lets f speak to each client of a listener.
func serveOn(t *testing.T, l net.Listener, f func(net.Conn)) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); f(conn) }()
		}
	}()
}

// shortFolder is one whose name leaves room for the path of a socket.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func storeAll(t *testing.T, r Result) {
	t.Helper()
	store := Store{Folder: t.TempDir()}
	for _, f := range r.Findings {
		if err := store.Save(f, 1, nil, ""); err != nil {
			t.Fatal(err)
		}
		back, err := LoadFile(store.Path(f.ID))
		if err != nil {
			t.Fatal(err)
		}
		if got := back.ToFinding().Witness; got != f.Witness {
			t.Errorf("wrote %+v, read %+v", f.Witness, got)
		}
	}
}

func TestUnixServer(t *testing.T) {
	path := filepath.Join(shortFolder(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, oneRead)
	r := explored(t, Options{Target: target("unix:"+path, twoLines, declared()), Faults: []Fault{Split, Vanish, Reset}})
	if !strings.Contains(codes(r), "wrong-answer") || r.NotReached > 0 {
		t.Errorf("found %q, %d not reached", codes(r), r.NotReached)
	}
	if !slices.ContainsFunc(r.Plan.Outside, func(s string) bool { return strings.HasPrefix(s, "reset: a unix socket") }) {
		t.Errorf("out of reach: %q", r.Plan.Outside)
	}
	storeAll(t, r)
}

func TestTLSServer(t *testing.T) {
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.WriteIdentity(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(id.Certificate, id.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	serveOn(t, tls.NewListener(l, config), oneRead)
	over := target(l.Addr().String(), twoLines, declared())
	over.TLS = &scenario.TLSFiles{CA: id.CA}
	r := explored(t, Options{Target: over, Faults: []Fault{Split, FIN, Reset, Vanish}, Points: 60})
	if !strings.Contains(codes(r), "half-request-answered wrong-answer") || r.NotReached > 0 {
		t.Errorf("found %q, %d not reached", codes(r), r.NotReached)
	}
	storeAll(t, r)

	upgrading := func(c net.Conn) { // TLS begins after a line
		if _, err := io.ReadFull(c, make([]byte, len("STARTTLS\n"))); err == nil {
			io.WriteString(c, "go\n")
			secured := tls.Server(c, config)
			oneRead(secured)
			secured.Close()
		}
	}
	over = target(serve(t, upgrading), startsTLS, declared())
	over.Client.Dialogue.StartsTLS, over.TLS = true, &scenario.TLSFiles{CA: id.CA}
	r = explored(t, Options{Target: over, Faults: []Fault{Split, FIN, Reset, Vanish}})
	if !strings.Contains(codes(r), "half-request-answered wrong-answer") || r.NotReached > 0 || r.Plan.Upstream != int64(len("hello\n")) {
		t.Errorf("after STARTTLS: found %q, %d not reached, %d bytes", codes(r), r.NotReached, r.Plan.Upstream)
	}
	storeAll(t, r)
}

const twoQuestions = `dialogue: questions
exchanges:
  - {send: "${connection} add 4\n", expect: "${connection} 4\n"}
  - {send: "${connection} add 3\n", expect: "${connection} 7\n"}
`

// adder adds up for each client, and counts a datagram that comes twice twice.
func adder(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		sums := map[string]int{}
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var who string
			var add int
			if _, err := fmt.Sscanf(string(buf[:n]), "%s add %d\n", &who, &add); err == nil && buf[n-1] == '\n' {
				sums[who] += add
				fmt.Fprintf(writerTo{conn, from}, "%s %d\n", who, sums[who])
			}
		}
	}()
	return "udp:" + conn.LocalAddr().String()
}

type writerTo struct {
	net.PacketConn
	to net.Addr
}

func (w writerTo) Write(b []byte) (int, error) { return w.WriteTo(b, w.to) }

func TestDatagramServer(t *testing.T) {
	no := false
	o := Options{Target: target(adder(t), twoQuestions, scenario.Policies{Idempotent: &no, Truncated: scenario.TruncationIgnored})}
	r := explored(t, o)
	if got := codes(r); got != "repeat-misunderstood wrong-answer" || !r.Complete || r.Plan.Packets != [2]int{2, 2} {
		t.Errorf("found %q, complete %v, %v datagrams", got, r.Complete, r.Plan.Packets)
	}
	if rule := r.Findings[0].Rule; !strings.HasPrefix(rule, "upstream, duplicate at datagram 1: ") {
		t.Errorf("rule %q", rule)
	}
	storeAll(t, r)
	o.Target.Policies.Idempotent = nil
	if r := explored(t, o); len(r.Findings) > 0 || len(r.Remarks) == 0 {
		t.Errorf("undeclared: found %q, %d remarks", codes(r), len(r.Remarks))
	}
}

// askOver is ask over other transports.
func askOver(kind, address, ca string) int {
	switch kind {
	case "two-connections":
		return askTwice(address)
	case "tls-half":
		return askTLS(address, ca)
	case "files":
		return askFiles(address)
	case "starttls":
		return askStartTLS(address, ca)
	case "udp-half":
		return askUDP(strings.TrimPrefix(address, "udp:"))
	}
	return 3
}

// askTwice asks on two connections, and does not care whether the second one is there.
func askTwice(address string) int {
	for i := range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil && i == 0 {
			return 1
		}
		if err != nil {
			return 0
		}
		code := talk("right", conn)
		conn.Close()
		if code != 0 {
			return code
		}
	}
	return 0
}

// askTLS takes what came for the answer, however it ended without close_notify.
func askTLS(address, ca string) int {
	text, err := os.ReadFile(ca)
	if err != nil {
		return 3
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		return 1
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "hello\n")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) { // which crypto/tls says of both ends between records
		return 1
	}
	fmt.Print(answer)
	return 0
}

// askStartTLS begins TLS on a connection, and takes what one read gives for the answer.
func askStartTLS(address, ca string) int {
	text, err := os.ReadFile(ca)
	if err != nil {
		return 3
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 1
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "STARTTLS\n")
	if _, err := io.ReadFull(conn, make([]byte, len("go\n"))); err != nil {
		return 1
	}
	secured := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	io.WriteString(secured, "hello\n")
	return boolStatus(readLine(secured))
}

// readLine takes what one read gives for a line.
func readLine(c net.Conn) bool {
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	os.Stdout.Write(buf[:n])
	return err == nil && strings.HasSuffix(string(buf[:n]), "\n")
}

func boolStatus(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// askUDP takes whatever comes for the answer, and asks three times.
func askUDP(address string) int {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return 1
	}
	defer conn.Close()
	buf := make([]byte, 100)
	for range 3 {
		io.WriteString(conn, "hello\n")
		conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
		if n, err := conn.Read(buf); err == nil {
			os.Stdout.Write(bytes.ToLower(buf[:n]))
			return 0
		}
	}
	return 1
}

// startsTLS is one line in plaintext, and one within TLS.
const startsTLS = `dialogue: upgrade
framing: line
exchanges:
  - {send: "STARTTLS\n", expect: "go\n", tls: start}
  - {send: "hello\n", expect: "HELLO\n"}
`

const oneLine = "dialogue: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\n"

func TestClientsOverOtherTransports(t *testing.T) {
	for kind, c := range map[string]struct {
		transport scenario.Transport
		dialogue  string
		faults    []Fault
		want      string
	}{
		"two-connections": {scenario.TCP, twoLines, []Fault{Refuse}, "connect, refuse of connection 2: the client reports success although it could not connect"},
		"tls-half":        {scenario.TLS, "framing: line\n" + oneLine + "end: client closes\n", []Fault{Vanish, FIN}, "downstream, vanish at bytes 0–5: the client reports success on half an answer that ends without close_notify"},
		"starttls":        {scenario.TLS, startsTLS, []Fault{Split}, "downstream, split at bytes 1–5: the client fails although it gets every byte"},
		"udp-half":        {scenario.UDP, oneLine, []Fault{Truncate, Drop}, "downstream, truncate to half or truncate to first or truncate to most at datagram 1: the client reports success without a whole answer"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			over := clientTarget(kind)
			over.Client.Command = []string{os.Args[0], "client", kind, "{addr}", "{ca}"}
			over.Server.Dialogue.Text, over.Server.Transport = []byte(c.dialogue), c.transport
			over.Server.Dialogue.StartsTLS = kind == "starttls"
			over.Policies.Truncated = scenario.TruncationError
			r, err := Run(t.Context(), Options{Target: over, Role: scenario.Client, Seed: 1, Tmp: t.TempDir(), Faults: c.faults, StartTimeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Rule == c.want }) {
				t.Errorf("found %+v, want %q", r.Findings, c.want)
			}
			storeAll(t, r)
		})
	}
}
