package dialogue

import (
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/seed"
)

const startsTLS = `
dialogue: mail
framing: {line: crlf}
greeting: "220 ready\r\n"
exchanges:
  - {send: "EHLO a\r\n", expect: "250 STARTTLS\r\n"}
  - {send: "STARTTLS\r\n", expect: "220 go\r\n", tls: start}
  - {send: "EHLO a\r\n", expect: "250 hello\r\n"}
end: server closes
`

func TestSplitTLS(t *testing.T) {
	d, err := Parse("d.yaml", []byte(startsTLS))
	if err != nil {
		t.Fatal(err)
	}
	before, rest := d.SplitTLS()
	if !d.StartsTLS() || len(before.Exchanges) != 2 || before.Greeting == nil || before.End != ClientCloses {
		t.Errorf("before: %+v", before)
	}
	if rest.StartsTLS() || len(rest.Exchanges) != 1 || rest.Greeting != nil || rest.End != ServerCloses {
		t.Errorf("rest: %+v", rest)
	}
	if _, err := d.ResolveScript(seed.New(1)); err == nil {
		t.Error("the whole can be resolved although nobody speaks TLS in it")
	}
	for _, part := range []*Dialogue{before, rest} {
		if _, err := part.ResolveScript(seed.New(1)); err != nil {
			t.Error(err)
		}
	}
	plain, _ := Parse("d.yaml", []byte(strings.ReplaceAll(startsTLS, ", tls: start", "")))
	if before, rest := plain.SplitTLS(); before != nil || rest != plain {
		t.Error("a dialogue without TLS is divided")
	}
}

// TestUnreadIsWhatComesAfterTheSteps plays a server to whom the client says more at once, as a
// handshake that follows does.
func TestUnreadIsWhatComesAfterTheSteps(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, exchanges: [{send: "STARTTLS\n", expect: "go\n"}]}`)
	said := make(chan struct{})
	played := asServer(t, within30(t), s, Options{NoEnd: true, AfterStep: func(int) error { <-said; return nil }}, func(peer *net.TCPConn) {
		peer.Write([]byte("STARTTLS\nhello"))
		readN(peer, 3)
		close(said)
	})
	if !played.OK() || string(played.Unread) != "hello" && len(played.Unread) != 0 {
		t.Errorf("unread %q, %v", played.Unread, played.Err())
	}
}

func TestStartTLSIsRefused(t *testing.T) {
	const head = "dialogue: x\nframing: line\nexchanges:\n"
	const go1 = `  - {send: "a\n", expect: "b\n", tls: start}` + "\n"
	for text, want := range map[string]string{
		go1:                                    "nothing is said in TLS",
		go1 + go1 + go1:                        "TLS has already begun",
		`  - {send: "a\n", tls: start}` + "\n": "when the server has agreed",
		`  - {send: "a\n", expect: "b\n", tls: yes}` + "\n" + go1:                                                                       "start",
		`  - {send: "a\n", expect: {regex: '(\d+)'}, keep: {id: 1}, tls: start}` + "\n" + `  - {send: "${id}\n", expect: "b\n"}` + "\n": "is kept before TLS",
	} {
		if _, err := Parse("d.yaml", []byte(head+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
	}
}
