package capture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// talk makes a conversation of turns: what begins with > is the client's.
func talk(turns ...string) Conversation {
	var c Conversation
	for _, t := range turns {
		if up, ok := strings.CutPrefix(t, ">"); ok {
			c.add(event.Upstream, []byte(up))
		} else {
			c.add(event.Downstream, []byte(t))
		}
	}
	c.end(event.Client, event.EOF)
	return c
}

func TestGuessFraming(t *testing.T) {
	for want, c := range map[string]Conversation{
		"line":         talk(">hello\n", "HELLO\n", ">bye\n", "BYE\n"),
		"{line: crlf}": talk("220 ready\r\n", ">NOOP\r\n", "250 ok\r\n"),
		"resp":         talk(">*1\r\n$4\r\nPING\r\n", "+PONG\r\n"),
		"http":         talk(">GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
		"{length-prefix: {bytes: 4, order: big, counts: payload}}":         talk(">\x00\x00\x00\x03abc", "\x00\x00\x00\x01x"),
		"{length-prefix: {bytes: 2, order: little, counts: payload}}":      talk(">\x03\x00abc", "\x01\x00x", ">\x00\x00", "\x02\x00yy"),
		"{length-prefix: {bytes: 4, order: big, counts: length-and-rest}}": talk(">\x00\x00\x00\x07abc", "\x00\x00\x00\x05x"),
		"{length-prefix: {bytes: 1, order: big, counts: payload}}":         talk(">\x03abc", "\x01x"),
		"{fixed: 8}": talk(">abcdefgh", "ABCDEFGH", ">ijklmnop", "IJKLMNOP"),
		"none":       talk(">what is it", "no idea!"),
	} {
		if got := GuessFraming([]Conversation{c}); got.YAML != want {
			t.Errorf("guessed %s, want %s (%s)", got.YAML, want, got.Evidence)
		}
	}
}

func TestWriteDialogue(t *testing.T) {
	one := talk("220 ready\r\n", ">NOOP\r\n", "250 ok\r\nDate: Mon 1\r\n", ">QUIT\r\n", "221 bye\r\n")
	two := talk("220 ready\r\n", ">NOOP\r\n", "250 ok\r\nDate: Tue 22\r\n", ">QUIT\r\n", "221 bye\r\n")
	two.Ended = event.Server
	text, notes, err := WriteDialogue("mail", []Conversation{one, two}, Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	d, err := dialogue.Parse("mail.yaml", text)
	if err != nil || d.Greeting == nil || len(d.Exchanges) != 2 || len(d.Volatile) != 1 || d.Framing.Kind != dialogue.Line {
		t.Errorf("%v %+v\n%s\n%s", err, d, text, notes)
	}
	if !d.Volatile[0].MatchString("Date: Wed 333") {
		t.Errorf("volatile %s", d.Volatile[0])
	}
}

func TestWriteDialogueOfBytesThatDiffer(t *testing.T) {
	text, _, err := WriteDialogue("count", []Conversation{talk(">next\n", "1\n"), talk(">next\n", "2\n")}, Options{})
	if err != nil || !strings.Contains(string(text), "expect: [{any: true}]") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestRedact(t *testing.T) {
	text, notes, err := WriteDialogue("login", []Conversation{talk(">PASS secret\n", "OK\n")}, Options{Redact: []*regexp.Regexp{regexp.MustCompile("secret")}})
	if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), "PASS xxxxxx") || !strings.Contains(strings.Join(notes, " "), "redacted") {
		t.Errorf("%v %s\n%s", err, notes, text)
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	gap := talk(">a\n", "b\n")
	gap.Err = errors.New("a gap")
	for name, c := range map[string]struct {
		all  []Conversation
		want string
	}{
		"tls":   {[]Conversation{talk(">\x16\x03\x01\x02\x00\x01\x00", "\x16\x03\x03")}, "is TLS"},
		"gap":   {[]Conversation{gap}, "a gap"},
		"empty": {[]Conversation{{}}, "has no bytes"},
		"mute":  {[]Conversation{talk("220 ready\n")}, "the client says nothing"},
	} {
		_, _, err := WriteDialogue(name, c.all, Options{})
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRelay(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, _ := io.ReadAll(c)
				c.Write(bytes.ToUpper(b))
			}()
		}
	}()
	r, err := StartRelay("127.0.0.1:0", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "hello\n")
	conn.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(conn); string(b) != "HELLO\n" {
		t.Errorf("%q, %v", b, err)
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all, err := r.WaitConversations(ctx, 1)
	if err != nil || len(all) != 1 || len(all[0].Turns) != 2 || all[0].Ended != event.Client || !all[0].After {
		t.Fatalf("%+v, %v", all, err)
	}
	text, _, err := WriteDialogue("digest", all, Options{})
	if err != nil || !strings.Contains(string(text), "shutdown: write") || !strings.Contains(string(text), "end: client half-closes") {
		t.Errorf("%v\n%s", err, text)
	}
}

// A packet is one segment of a recording.
type packet struct {
	down          bool
	seq           uint32
	data          string
	syn, fin, rst bool
}

func writePcap(t *testing.T, ng bool, packets []packet) string {
	t.Helper()
	var out bytes.Buffer
	var write func(gopacket.CaptureInfo, []byte) error
	if ng {
		w, err := pcapgo.NewNgWriter(&out, layers.LinkTypeEthernet)
		if err != nil {
			t.Fatal(err)
		}
		write = func(i gopacket.CaptureInfo, b []byte) error { return errors.Join(w.WritePacket(i, b), w.Flush()) }
	} else {
		w := pcapgo.NewWriter(&out)
		w.WriteFileHeader(65536, layers.LinkTypeEthernet)
		write = w.WritePacket
	}
	for i, p := range packets {
		ip := layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
		tcp := layers.TCP{SrcPort: 50000, DstPort: 7000, Seq: p.seq, ACK: !p.syn || p.down, SYN: p.syn, FIN: p.fin, RST: p.rst, Window: 65535}
		if p.down {
			ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
			tcp.SrcPort, tcp.DstPort = tcp.DstPort, tcp.SrcPort
		}
		tcp.SetNetworkLayerForChecksum(&ip)
		eth := layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &eth, &ip, &tcp, gopacket.Payload(p.data)); err != nil {
			t.Fatal(err)
		}
		info := gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 0), CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
		if err := write(info, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "capture.pcap")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened() []packet {
	return []packet{{seq: 99, syn: true}, {down: true, seq: 499, syn: true}, {seq: 100}}
}

func TestReadFile(t *testing.T) {
	whole := append(opened(), packet{seq: 100, data: "hel"}, packet{seq: 103, data: "lo\n"}, packet{down: true, seq: 500, data: "HELLO\n"},
		packet{seq: 106, fin: true}, packet{down: true, seq: 506, fin: true})
	jumbled := append(opened(), packet{seq: 103, data: "lo\n"}, packet{seq: 100, data: "hel"}, packet{seq: 100, data: "hel"},
		packet{down: true, seq: 500, data: "HELLO\n"}, packet{seq: 106, fin: true}, packet{down: true, seq: 506, fin: true})
	for name, c := range map[string]struct {
		ng      bool
		packets []packet
	}{"pcap": {false, whole}, "pcapng": {true, whole}, "out of order and again": {false, jumbled}, "cut in the middle": {true, whole[:6]}} {
		all, err := ReadFile(writePcap(t, c.ng, c.packets), 7000)
		if err != nil || len(all) != 1 || len(all[0].Turns) != 2 || string(all[0].Turns[0].Bytes) != "hello\n" || string(all[0].Turns[1].Bytes) != "HELLO\n" || all[0].Err != nil {
			t.Errorf("%s: %+v, %v", name, all, err)
			continue
		}
		if _, _, err := WriteDialogue("x", all, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadFileSaysWhatIsWrong(t *testing.T) {
	gap := append(opened(), packet{seq: 100, data: "hel"}, packet{seq: 109, data: "lo\n"}, packet{down: true, seq: 500, data: "HELLO\n"})
	all, err := ReadFile(writePcap(t, false, gap), 0)
	if err != nil || len(all) != 1 || all[0].Err == nil || !strings.Contains(all[0].Err.Error(), "6 bytes of the client are missing after byte 3") {
		t.Errorf("gap: %+v, %v", all, err)
	}
	path := writePcap(t, false, append(opened(), packet{seq: 100, data: "hello\n"}, packet{down: true, seq: 500, data: "HELLO\n"}))
	text, _ := os.ReadFile(path)
	os.WriteFile(path, text[:len(text)-10], 0o600)
	all, err = ReadFile(path, 0)
	if err != nil || len(all) != 1 || !strings.Contains(strings.Join(all[0].Notes, " "), "cut off") {
		t.Errorf("cut file: %+v, %v", all, err)
	}
	if _, err := ReadFile(writePcap(t, false, gap), 99); !errors.Is(err, ErrUnusable) {
		t.Errorf("other port: %v", err)
	}
	os.WriteFile(path, []byte("this is no recording at all"), 0o600)
	if _, err := ReadFile(path, 0); !errors.Is(err, ErrUnusable) {
		t.Errorf("no recording: %v", err)
	}
}
