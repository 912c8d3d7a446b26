package dialogue

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

const questions = `{dialogue: q, exchanges: [{send: "1 a\n", expect: "1 A\n"}, {send: "2 b\n", expect: {regex: '2 (B|C)\n'}}]}`

// overUDP plays the client to a server that answers with what reply returns for the n-th
// datagram, from 1.
func overUDP(t *testing.T, ctx context.Context, text string, o Options, reply func(n int, request string) []string) Played {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			b, from, err := sock.ReadDatagram(server)
			if err != nil {
				return
			}
			for _, said := range reply(n, string(b)) {
				server.WriteTo([]byte(said), from)
			}
		}
	}()
	defer func() { server.Close(); <-done }()
	conn, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return script(t, text).WithDatagrams().PlayClient(ctx, sock.DatagramConn{UDPConn: conn.(*net.UDPConn)}, o)
}

func upperDatagram(_ int, request string) []string { return []string{strings.ToUpper(request)} }

func TestDatagrams(t *testing.T) {
	p := overUDP(t, within30(t), questions, Options{}, upperDatagram)
	if !p.OK() || p.Steps != 2 || p.Sent != 8 || string(p.Received) != "1 A\n2 B\n" {
		t.Errorf("%+v: %v", p, p.Err())
	}
}

// A reply is one datagram: what is cut, or has more, is another one.
func TestDatagramsAreWhole(t *testing.T) {
	for _, answer := range []string{"1 A", "1 A\n\n", "", "2 A\n"} {
		p := overUDP(t, within30(t), questions, Options{}, func(int, string) []string { return []string{answer} })
		if p.Mismatch == nil || p.Steps != 0 {
			t.Errorf("to %q: %+v", answer, p)
		}
	}
}

func TestDatagramsLenient(t *testing.T) {
	p := overUDP(t, within30(t), questions, Options{Lenient: true}, func(_ int, request string) []string {
		return []string{"", "1 A", "noise", strings.ToUpper(request), strings.ToUpper(request)}
	})
	if !p.OK() || p.Steps != 2 {
		t.Errorf("%+v: %v", p, p.Err())
	}
}

// The request leaves again when it is told to, and at no other time.
func TestDatagramsResend(t *testing.T) {
	resend := make(chan struct{}, 1)
	asked := 0
	p := overUDP(t, within30(t), questions, Options{Resend: resend}, func(n int, request string) []string {
		if asked = n; n == 1 {
			resend <- struct{}{}
			return nil
		}
		return upperDatagram(n, request)
	})
	if !p.OK() || asked != 3 {
		t.Errorf("%d datagrams, %+v: %v", asked, p, p.Err())
	}
}

func TestDatagramsInVain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p := overUDP(t, ctx, questions, Options{}, func(int, string) []string { return nil })
	if p.Steps != 0 || p.Ending != event.Timeout || !strings.Contains(p.Incomplete, "no reply") {
		t.Errorf("%+v", p)
	}
}

func TestDatagramsToAClosedPort(t *testing.T) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().String()
	c.Close()
	conn, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	p := script(t, questions).WithDatagrams().PlayClient(within30(t), sock.DatagramConn{UDPConn: conn.(*net.UDPConn)}, Options{})
	if p.Ending != event.Refused {
		t.Errorf("%+v", p)
	}
}

func TestDatagramServer(t *testing.T) {
	s := script(t, `{dialogue: q, exchanges: [{send: {regex: '(?P<id>\d+) a'}, keep: {id: id}, expect: "${id} first"}, {send: {regex: '(?P<id>\d+) a'}, keep: {id: id}, expect: "${id} second"}, {send: b, expect: c}]}`).WithDatagrams().NewDatagramServer()
	for _, tt := range []struct {
		asked, reply string
		step         int
		ok           bool
	}{
		{"7 a", "7 first", 0, true}, {"7 a", "7 first", 0, true}, {"8 a", "8 second", 1, true}, {"7 a", "7 first", 0, true},
		{"x", "", -1, false}, {"b", "c", 2, true}, {"9 a", "9 first", 0, true},
	} {
		step, reply, ok := s.ReplyTo([]byte(tt.asked))
		if step != tt.step || string(reply) != tt.reply || ok != tt.ok {
			t.Errorf("%s: got %d %q %v, want %d %q %v", tt.asked, step, reply, ok, tt.step, tt.reply, tt.ok)
		}
	}
	if got := s.Requests(); len(got) < 3 || string(got[1]) != "8 a" {
		t.Errorf("requests %q", got)
	}
}

// The same request twice in a dialogue is two exchanges.
func TestDatagramServerAskedTheSame(t *testing.T) {
	s := script(t, `{dialogue: q, exchanges: [{send: next, expect: one}, {send: next, expect: two}]}`).WithDatagrams().NewDatagramServer()
	for _, want := range []string{"one", "two", "two"} {
		if _, reply, _ := s.ReplyTo([]byte("next")); string(reply) != want {
			t.Errorf("got %q, want %q", reply, want)
		}
	}
}

func TestForgeReply(t *testing.T) {
	s := script(t, `{dialogue: q, exchanges: [{send: {regex: '(?P<id>\d+) a'}, keep: {id: id}, expect: "${id} word\n"}, {send: b, expect: c}]}`).WithDatagrams().NewDatagramServer()
	for _, tt := range []struct {
		asked   string
		wrongID bool
		want    string
		ok      bool
	}{{"17 a", true, "18 wore\n", true}, {"17 a", false, "17 wore\n", true}, {"b", false, "d", true}, {"b", true, "", false}, {"z", false, "", false}} {
		got, ok := s.ForgeReply([]byte(tt.asked), tt.wrongID)
		if ok != tt.ok || ok && string(got) != tt.want {
			t.Errorf("%+v: got %q %v", tt, got, ok)
		}
	}
}

func TestCheckDatagrams(t *testing.T) {
	for text, want := range map[string]string{
		questions: "",
		"{dialogue: q, framing: line, exchanges: [{send: \"a\\n\", expect: \"A\\n\"}]}":                      "delete framing",
		"{dialogue: q, greeting: hi, exchanges: [{send: a, expect: b}]}":                                     "begin with an exchange",
		"{dialogue: q, exchanges: [{send: a, expect: b}], end: server closes}":                               "delete end",
		"{dialogue: q, exchanges: [{expect: b}]}":                                                            "begin with an exchange that sends",
		"{dialogue: q, exchanges: [{send: a, shutdown: write, expect: b}]}":                                  "no shutdown with UDP",
		"{dialogue: q, exchanges: [{send: {repeat: x, times: 65508}, expect: b}]}":                           "at most 65507 bytes",
		"{dialogue: q, exchanges: [{send: a, continues: true}, {send: b, expect: {regex: 'c'}}, {send: d}]}": "delete continues",
	} {
		d, err := Parse("q.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		err = d.CheckDatagrams()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
