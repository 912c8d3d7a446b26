package dialogue

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

const tokens = `dialogue: tokens
framing: line
greeting: {expect: {regex: 'HELLO (?P<token>\w+)'}, keep: {token: token}}
exchanges:
  - send: "AUTH ${token}\n"
    expect: {regex: 'OK (\d+)'}
    keep: {id: 1}
  - send: {message: "GET ${id} ${connection}"}
    expect: "ITEM ${id} of ${token}\n"
  - send: "END\n"
    expect: {regex: 'BYE ${id}'}
`

// tokenServer gives a token and an id, and wants both back.
func tokenServer(token, id string) func(*net.TCPConn) {
	return func(c *net.TCPConn) {
		in := bufio.NewReader(c)
		fmt.Fprintf(c, "HELLO %s\n", token)
		for _, answer := range []struct{ want, say string }{
			{"AUTH " + token + "\n", "OK " + id + "\n"},
			{"GET " + id + " ", "ITEM " + id + " of " + token + "\n"},
			{"END\n", "BYE " + id + "\n"},
		} {
			line, err := in.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, answer.want) {
				fmt.Fprintf(c, "ERR %q\n", line)
				return
			}
			io.WriteString(c, answer.say)
		}
		io.Copy(io.Discard, in)
	}
}

func TestClientGivesBackWhatItWasGiven(t *testing.T) {
	s := script(t, tokens)
	for _, given := range [][2]string{{"abc", "7"}, {strings.Repeat("long", 50), "123456789"}, {"x", "0"}} {
		p := asClient(t, within30(t), s, Options{}, tokenServer(given[0], given[1]))
		if !p.OK() {
			t.Errorf("%v: %v", given, p.Err())
		}
		real := s.WithReplies(p)
		if p.RequestsShifted(real.RequestEnds()) || !p.RequestsShifted([]int64{1, 2, 3}) {
			t.Error("the lengths of the requests are not told")
		}
		if got := string(real.Steps[0].Send); got != "AUTH "+given[0]+"\n" {
			t.Errorf("recorded %q", got)
		}
	}
	if !s.Captures() || !s.WritesCaptured(0) || s.WritesCaptured(2) {
		t.Error("the script does not know what it captures")
	}
}

// A step that a scenario cut into pieces still has the value in it.
func TestCapturedValueInAPieceOfARequest(t *testing.T) {
	whole := script(t, tokens).Steps[0]
	for cut := 1; cut < len(whole.Send); cut++ {
		s := script(t, tokens)
		s.Steps = append([]Step{{Send: whole.Send[:cut]}, {Send: whole.Send[cut:], Expect: whole.Expect, keepExpected: whole.keepExpected}}, s.Steps[1:]...)
		for _, token := range []string{"secrettoken", "abc"} {
			p := asClient(t, within30(t), s, Options{}, tokenServer(token, "42"))
			if !p.OK() {
				t.Errorf("cut at %d: %v", cut, p.Err())
			}
			if p.GreetingSize() != int64(len("HELLO \n")+len(token)) {
				t.Errorf("the greeting has %d bytes", p.GreetingSize())
			}
		}
	}
}

func TestEachConnectionHasItsOwnCaptures(t *testing.T) {
	s := script(t, tokens)
	one, two := s.ForConnection(), s.ForConnection()
	one.values.keep(Captures{{Name: "token", Group: "1"}}, Groups{"1": []byte("a")})
	if got := string(two.expandWith(two.Steps[0]).Send); strings.Contains(got, "AUTH a\n") {
		t.Errorf("the other connection says %q", got)
	}
	if got := string(one.expandWith(one.Steps[0]).Send); got != "AUTH a\n" {
		t.Errorf("got %q", got)
	}
}

// TestServerRepeatsTheID plays a server to a client that makes ids of its own.
func TestServerRepeatsTheID(t *testing.T) {
	s := script(t, `dialogue: ids
framing: {length-prefix: {bytes: 2}}
exchanges:
  - send: {regex: 'ASK (?P<id>\d+)'}
    keep: {id: id}
    expect: {message: "ANSWER ${id}"}
  - send: {regex: 'AGAIN ${id}'}
    expect: {message: "DONE ${id}"}
`)
	client, server := pair(t)
	done := make(chan Played, 1)
	go func() { done <- s.PlayServer(within30(t), server, Options{}) }()
	in := bufio.NewReader(client)
	for _, one := range [][2]string{{"ASK 123456", "ANSWER 123456"}, {"AGAIN 123456", "DONE 123456"}} {
		message, _ := s.Framing.FrameBody([]byte(one[0]))
		client.Write(message)
		want, _ := s.Framing.FrameBody([]byte(one[1]))
		got := make([]byte, len(want))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != string(want) {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	client.CloseWrite()
	if p := <-done; !p.OK() {
		t.Errorf("%v", p.Err())
	}
	real := s.WithRequests([]byte("\x00\x05ASK 7\x00\x07AGAIN 7"))
	if b, ok := real.ReplyBytes(); !ok || string(real.RequestBytes()) != "\x00\x05ASK 7\x00\x07AGAIN 7" || string(b) != "\x00\x08ANSWER 7\x00\x06DONE 7" {
		t.Errorf("real conversation: %q and %q", real.RequestBytes(), b)
	}
}

func TestAlternatives(t *testing.T) {
	const text = `{dialogue: x, framing: line, exchanges: [{send: "a\n", expect: [{one_of: ["OK\n", {regex: 'WAIT \d+'}, ["MORE\n", {any: true}]]}, "end\n"]}]}`
	for answer, ok := range map[string]bool{"OK\nend\n": true, "WAIT 12\nend\n": true, "MORE\nx\nend\n": true, "NO\nend\n": false, "OK\nx\n": false, "MORE\n": false} {
		s := script(t, text)
		for range 2 { // a matcher is not used twice
			p := asClient(t, within30(t), s, Options{}, func(c *net.TCPConn) {
				in := bufio.NewReader(c)
				in.ReadString('\n')
				for i := range answer { // byte by byte
					io.WriteString(c, answer[i:i+1])
				}
				c.CloseWrite()
				io.Copy(io.Discard, in)
			})
			if p.OK() != ok {
				t.Errorf("%q: %v, want %v", answer, p.Err(), ok)
			}
		}
	}
}

func TestGreetingAsBytes(t *testing.T) {
	for _, text := range []string{`"220 ready\r\n"`, `{expect: "220 ready\r\n"}`, `{message: "220 ready"}`, `{hex: "323230207265616479 0d0a"}`} {
		s := script(t, "{dialogue: x, framing: {line: crlf}, greeting: "+text+", exchanges: [{send: \"a\\r\\n\"}]}")
		if b, ok := s.Greeting.LiteralBytes(); !ok || string(b) != "220 ready\r\n" {
			t.Errorf("%s: %q", text, b)
		}
	}
}

func TestCapturesThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"no expression":   {`exchanges: [{send: a, expect: b, keep: {x: 1}}]`, "f.yaml:2:41: keep needs a regular expression"},
		"no such group":   {`exchanges: [{send: a, expect: {regex: 'b(?P<y>c);'}, keep: {x: z}}]`, `the regular expression has no group "z"`},
		"both":            {`exchanges: [{send: {regex: '(a);'}, expect: {regex: '(b);'}, keep: {x: 1}}]`, `send and expect have a group "1" each`},
		"reserved":        {`exchanges: [{send: a, expect: {regex: '(b);'}, keep: {run: 1}}]`, `"run" cannot be the name of a capture`},
		"too early":       {`exchanges: [{send: "${x}", expect: {regex: '(b);'}, keep: {x: 1}}]`, "${x} is used before it is kept"},
		"typo":            {`exchanges: [{send: a, expect: {regex: '(b);'}, keep: {token: 1}}, {send: "${tokne}"}]`, `${tokne} has no value, did you mean "token"?`},
		"greeting":        {`{greeting: {expect: "a", keep: {x: 1}}, exchanges: [{send: a}]}`, ""},
		"one alternative": {`exchanges: [{expect: {one_of: [a]}}]`, "one_of needs at least two alternatives"},
		"any in none":     {`exchanges: [{expect: {one_of: [a, {any: true}]}}]`, "any means one message"},
	} {
		text := "dialogue: x\n" + tt.in
		if tt.want == "" {
			text, tt.want = "dialogue: x\ngreeting: {expect: a, keep: {x: 1}}\nexchanges: [{send: a}]", `the greeting has no group "1"`
		}
		if _, err := Parse("f.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestSidesOfADialogueThatCaptures(t *testing.T) {
	d, err := Parse("f.yaml", []byte("dialogue: x\nframing: line\nexchanges: [{send: {regex: 'a(b)'}, keep: {x: 1}, expect: \"${x}\\n\"}]"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PlayableAs(event.Server); err != nil {
		t.Errorf("as a server: %v", err)
	}
	if err := d.PlayableAs(event.Client); err == nil || !strings.Contains(err.Error(), "f.yaml:3:20: a client cannot send a regex") {
		t.Errorf("as a client: %v", err)
	}
	told, err := Parse("f.yaml", []byte("{dialogue: x, framing: line, greeting: \"TOKEN ${connection}\\n\", exchanges: [{send: \"AUTH ${connection}\\n\", expect: \"OK\\n\"}]}"))
	if err != nil || told.PlayableAs(event.Server) != nil {
		t.Errorf("a client may give back what it was told: %v, %v", err, told.PlayableAs(event.Server))
	}
}
