package dialogue

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"pgregory.net/rapid"
)

// A splitting connection cuts what is written and what is read into pieces of
// random size.
type splitting struct {
	*net.TCPConn
	read, write *rand.Rand
}

func (c splitting) Read(b []byte) (int, error) {
	return c.TCPConn.Read(b[:min(len(b), 1+c.read.IntN(1<<c.read.IntN(14)))])
}

func (c splitting) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = c.TCPConn.Write(b[n:min(len(b), n+1+c.write.IntN(1<<c.write.IntN(14)))])
		n += m
	}
	return n, err
}

func splittingConn(c *net.TCPConn, seed uint64) splitting {
	return splitting{c, rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))}
}

// both plays client against server and returns what each of them saw.
func both(t testing.TB, s *Script, o Options, wrap func(*net.TCPConn) Conn) (client, server Played) {
	c, sc := pair(t)
	done := make(chan Played)
	go func() { done <- s.PlayServer(t.Context(), wrap(sc), Options{}) }()
	client = s.PlayClient(t.Context(), wrap(c), o)
	return client, <-done
}

// drawDialogue writes a dialogue file without contradictions.
func drawDialogue(t *rapid.T) string {
	framing := rapid.SampledFrom([]string{"line", "{line: crlf}", "none", "{fixed: 8}",
		"{length-prefix: {bytes: 1, max: 200}}", "{length-prefix: {bytes: 2, order: little}}", "{length-prefix: {bytes: 4, includes_header: true}}", "{length-prefix: {bytes: 8}}"}).Draw(t, "framing")
	message := func(label string) string {
		size := rapid.IntRange(1, 199).Draw(t, label)
		if framing == "{fixed: 8}" {
			size = 8
		}
		if rapid.IntRange(0, 9).Draw(t, label+" long") == 0 && !strings.Contains(framing, "fixed") && !strings.Contains(framing, "bytes: 1") {
			size *= 300
		}
		one := fmt.Sprintf("{message: {random: %d}}", size)
		return rapid.SampledFrom([]string{one, "[" + one + ", " + one + "]", fmt.Sprintf("{message: {repeat: z, times: %d}}", size)}).Draw(t, label+" form")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dialogue: drawn\nframing: %s\n", framing)
	if rapid.Bool().Draw(t, "greeting") {
		fmt.Fprintf(&b, "greeting: {expect: %s}\n", message("hello"))
	}
	b.WriteString("exchanges:\n")
	n := rapid.IntRange(1, 5).Draw(t, "exchanges")
	shut := rapid.IntRange(0, n*2).Draw(t, "shutdown at")
	for i := range n {
		kind := rapid.IntRange(0, 2).Draw(t, "kind")
		parts := []string{}
		if kind != 1 && i <= shut {
			parts = append(parts, "send: "+message("send"))
		}
		if kind != 0 || i > shut {
			parts = append(parts, "expect: "+message("expect"))
		}
		if i == shut {
			parts = append(parts, "shutdown: write")
		}
		fmt.Fprintf(&b, "  - {%s}\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "end: %s\n", rapid.SampledFrom(ends[:]).Draw(t, "end"))
	return b.String()
}

// A script played client against server is always complete, however the bytes
// are cut on their way.
func TestBothSidesAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := drawDialogue(rt)
		d, err := Parse("drawn.yaml", []byte(text))
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		s, err := d.ResolveScript(seed.New(rapid.Int64().Draw(rt, "seed")))
		if err != nil {
			rt.Fatal(err)
		}
		seed := rapid.Uint64().Draw(rt, "cuts")
		o := Options{Pipelined: rapid.Bool().Draw(rt, "pipelined")}
		client, server := both(t, s, o, func(c *net.TCPConn) Conn { return splittingConn(c, seed) })
		if !client.OK() || !server.OK() {
			rt.Fatalf("%s\nclient: %v\nserver: %v", text, client.Err(), server.Err())
		}
		replies, _ := s.ReplyBytes()
		if !bytes.Equal(client.Received, replies) || !bytes.Equal(server.Received, s.RequestBytes()) {
			rt.Fatal("other bytes than the script's")
		}
		if client.Ending != event.EOF || server.Ending != event.EOF {
			rt.Fatalf("client %q, server %q", client.Ending, server.Ending)
		}
		checkParts(rt, s.RequestParts(), s.RequestBoundaries(), int64(len(s.RequestBytes())))
		checkParts(rt, s.ReplyParts(), s.ReplyBoundaries(), int64(len(replies)))
	})
}

// Parts lie side by side, and the last of each message ends at a boundary.
func checkParts(t rapid.TB, parts []Part, ends []int64, size int64) {
	at, message := int64(0), 0
	for i, p := range parts {
		if p.From != at || p.To <= p.From {
			t.Fatalf("part %d is %+v, want it to begin at %d", i, p, at)
		}
		if p.Message != message && p.Message != message+1 {
			t.Fatalf("part %d is of message %d after message %d", i, p.Message, message)
		}
		at, message = p.To, p.Message
	}
	if at != size || size > 0 && (len(ends) == 0 || ends[len(ends)-1] != size) {
		t.Fatalf("parts end at %d, boundaries %v, bytes %d", at, ends, size)
	}
}

func TestBothMegabytePipelined(t *testing.T) {
	s := script(t, "{dialogue: x, framing: {length-prefix: {bytes: 4}}, exchanges: [{send: {message: {random: 1MiB}}, expect: {message: {random: 1MiB}}}, {send: {message: {random: 1MiB}}, expect: {message: {random: 1MiB}}}]}")
	client, server := both(t, s, Options{Pipelined: true}, func(c *net.TCPConn) Conn { return c })
	if !client.OK() || !server.OK() {
		t.Errorf("client: %v\nserver: %v", client.Err(), server.Err())
	}
	if !bytes.Equal(s.Steps[0].Send, s.Steps[0].Expect[0].SentBytes) {
		t.Error("an echo of random bytes cannot be written down")
	}
}

// A player plays over whatever the socket package gives.
var _ Conn = sock.Conn(nil)

func TestBothOverUnixSocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s := script(t, hello)
	done := make(chan Played)
	go func() { done <- s.PlayServer(t.Context(), sc.(*net.UnixConn), Options{}) }()
	client := s.PlayClient(t.Context(), c.(*net.UnixConn), Options{})
	if server := <-done; !client.OK() || !server.OK() {
		t.Errorf("client: %v\nserver: %v", client.Err(), server.Err())
	}
}
