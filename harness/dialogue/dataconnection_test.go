package dialogue

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

const asksForFiles = `
dialogue: client
framing: {line: crlf}
exchanges:
  - send: "EPSV\r\n"
    expect: {regex: '229 .*\(\|\|\|(?P<port>\d+)\|\)'}
    keep: {port: port}
  - connect: {to: "${port}", exchanges: [{expect: "what a server sends to ${port}\n"}]}
    send: "RETR a\r\n"
    expect: "150 go\r\n"
  - expect: "226 done\r\n"
  - send: "PASV\r\n"
    expect: {regex: '227 .*\((\d+,){4}(?P<high>\d+),(?P<low>\d+)\)'}
    keep: {high: high, low: low}
  - connect: {to: "${high},${low}", exchanges: [{send: "what ${connection} sends\n"}]}
    send: "STOR b\r\n"
    expect: "150 go\r\n"
  - expect: "226 done\r\n"
`

const tellsPorts = `
dialogue: server
framing: {line: crlf}
exchanges:
  - send: "EPSV\r\n"
    listen: down
    expect: "229 connect (|||${down}|)\r\n"
  - send: "RETR a\r\n"
    expect: "150 go\r\n"
    connect: {to: "${down}", exchanges: [{expect: "what a server sends to ${down}\n"}]}
  - expect: "226 done\r\n"
  - send: "PASV\r\n"
    listen: up
    expect: "227 connect (127,0,0,1,${up.pair})\r\n"
  - send: "STOR b\r\n"
    expect: "150 go\r\n"
    connect: {to: "${up}", exchanges: [{send: {regex: '(?s)what \w{8} sends\n'}}]}
  - expect: "226 done\r\n"
`

// TestDataConnections plays both sides of FTP's passive mode: each tells the port in its way.
func TestDataConnections(t *testing.T) {
	client, server := script(t, asksForFiles), script(t, tellsPorts)
	c, sc := pair(t)
	done := make(chan Played)
	go func() { done <- server.PlayServer(within30(t), sc, Options{}) }()
	asked := client.PlayClient(within30(t), c, Options{})
	told := <-done
	if !asked.OK() || !told.OK() {
		t.Fatalf("client: %v\nserver: %v", asked.Err(), told.Err())
	}
	if len(asked.Data) != 2 || len(told.Data) != 2 {
		t.Fatalf("%d and %d data connections, want 2", len(asked.Data), len(told.Data))
	}
	if got := string(asked.Data[0].Received); !strings.HasPrefix(got, "what a server sends to ") || len(got) != len("what a server sends to 50000\n") {
		t.Errorf("down came %q", got)
	}
	if got := string(told.Data[1].Received); strings.Contains(got, "$") || len(got) != len("what abcdefgh sends\n") {
		t.Errorf("up came %q", got)
	}
	// Ports have as many digits as what stands for them, so that offsets stay.
	sent, _ := server.ReplyBytes()
	if len(sent) != len(asked.Received) {
		t.Errorf("the server sent %d bytes, its script has %d", len(asked.Received), len(sent))
	}
}

func TestDataConnectionFails(t *testing.T) {
	one := `{dialogue: x, framing: line, exchanges: [{send: "ASK\n", expect: {regex: '(\d+)'}, keep: {port: 1}}, {connect: {to: "${port}", exchanges: [{expect: "right"}]}, send: "GO\n", expect: "OK\n"}]}`
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	shut, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut.Close()
	for told, want := range map[string]string{
		port:                       "on its data connection: exchange 1 (test.yaml:1): the reply differs, at byte 0",
		strconv.Itoa(portOf(shut)): "which the server has told: dial tcp",
		"0":                        "must be a port",
	} {
		played := asClient(t, within30(t), script(t, one), Options{}, func(peer *net.TCPConn) {
			readN(peer, 4)
			peer.Write([]byte(told + "\n"))
			if told != port {
				readAll(peer)
				return
			}
			data, err := l.Accept()
			if err != nil {
				return
			}
			readN(peer, 3)
			peer.Write([]byte("OK\n"))
			data.Write([]byte("wrong"))
			data.Close()
			readAll(peer)
		})
		if err := played.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("port %s: got %v, want %s", told, err, want)
		}
		if outcome := played.DataOutcome(0); outcome.OK() {
			t.Errorf("port %s: the data connection was right", told)
		}
	}
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// TestServerStopsWaitingForData ends the client's connection before it has opened another.
func TestServerStopsWaitingForData(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, exchanges: [{send: "ASK\n", listen: p, expect: "${p}\n"}, {send: "GO\n", connect: {to: "${p}", exchanges: [{expect: "a"}]}}]}`)
	played := asServer(t, within30(t), s, Options{}, func(peer *net.TCPConn) {
		peer.Write([]byte("ASK\n"))
		readN(peer, 6)
		peer.Write([]byte("GO\n"))
	})
	if err := played.Err(); err == nil || !strings.Contains(err.Error(), "has not connected to port") {
		t.Errorf("got %v", err)
	}
}

func TestParsePort(t *testing.T) {
	for text, want := range map[string]int{"21": 21, " 65535 ": 65535, "195,80": 50000, "0,21": 21, "255, 255": 65535,
		"0": 0, "65536": 0, "-1": 0, "256,0": 0, "1,256": 0, "1,2,3": 0, "": 0, "a": 0, "0,0": 0} {
		got, err := parsePort(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestDataConnectionIsRefused(t *testing.T) {
	const head = "dialogue: x\nframing: line\nexchanges:\n"
	for text, want := range map[string]string{
		`  - {connect: {exchanges: [{expect: "a"}]}}`:                                            "to",
		`  - {connect: {to: "x", exchanges: [{expect: "a"}]}}`:                                   "must be a port",
		`  - {connect: {to: "${p}", exchanges: [{expect: "a"}]}}`:                                "${p} has no value",
		`  - {connect: {to: 70000, exchanges: [{expect: "a"}]}}`:                                 "must be a port",
		`  - {connect: {to: 7000}}`:                                                              "no exchanges",
		`  - {connect: {to: 7000, exchanges: [{connect: {to: 1, exchanges: [{expect: "a"}]}}]}}`: "opens no other one",
		`  - {connect: {to: 7000, framing: line, exchanges: [{send: "a", expect: "b"}]}}`:        "no line end",
		`  - {connect: {to: 7000, exchanges: [{expect: "a"}, {expect: "b"}]}}`:                   "there is one exchange",
		`  - {send: "a\n", listen: run, expect: "b\n"}`:                                          "cannot be the name of a port",
		`  - {connect: {to: 7000, exchanges: [{expect: "a"}], order: {tag: a}}}`:                 "order",
	} {
		_, err := Parse("d.yaml", []byte(head+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
	}
}

func TestDataConnectionPlayableAs(t *testing.T) {
	parse := func(text string) *Dialogue {
		d, err := Parse("d.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := parse(asksForFiles).PlayableAs(event.Client); err != nil {
		t.Errorf("client: %v", err)
	}
	if err := parse(tellsPorts).PlayableAs(event.Server); err != nil {
		t.Errorf("server: %v", err)
	}
	if err := parse(asksForFiles).PlayableAs(event.Server); err == nil || !strings.Contains(err.Error(), "opens the port itself") {
		t.Errorf("a server without listen: %v", err)
	}
	if err := parse(tellsPorts).PlayableAs(event.Client); err == nil || !strings.Contains(err.Error(), "listen is for a dialogue") {
		t.Errorf("a client with listen: %v", err)
	}
}

// A dialogue says of each data connection whether it begins with TLS, and who plays it puts that there.
func TestDataConnectionsBeginWithTLS(t *testing.T) {
	s := script(t, `{dialogue: x, framing: line, exchanges: [
		{send: "a\n", listen: one, expect: "${one}\n"}, {connect: {to: "${one}", tls: start, exchanges: [{expect: "f"}]}},
		{send: "b\n", listen: two, expect: "${two}\n"}, {connect: {to: "${two}", exchanges: [{expect: "f"}]}}]}`)
	if !s.SecuresData(0) || s.SecuresData(1) || s.SecuresData(2) {
		t.Errorf("they begin with TLS: %v, %v, %v", s.SecuresData(0), s.SecuresData(1), s.SecuresData(2))
	}
	var secured []int
	s = s.WithDataSecurity(func(n int, _ event.Side, _ net.Conn, data Conn) Conn {
		secured = append(secured, n)
		return data
	})
	_, server := pair(t)
	for i := range s.Steps {
		if s.Steps[i].Connect != nil {
			s.SecureData(i, event.Server, server, server)
		}
	}
	if !slices.Equal(secured, []int{0}) {
		t.Errorf("TLS is put on the connections %v, want the first", secured)
	}
	d, err := Parse("d.yaml", []byte("{dialogue: x, framing: line, exchanges: [{connect: {to: 1024, exchanges: [{send: a, expect: b, tls: start}]}}]}"))
	if err == nil || !strings.Contains(err.Error(), "begins TLS at once or not at all") {
		t.Errorf("TLS within a data connection: got %v, %v", d, err)
	}
}
