package capture_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// record holds a conversation through a proxy with the toxic and returns what was recorded.
// The client says hello and FIN, and reads until the end; the server answers with reply
// once it has read until the end.
func record(t *testing.T, toxic *spec.Spec, reply string) (rec *capture.Recording, client string, ending error) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.ReadAll(conn)
		_, _ = io.WriteString(conn, reply)
	}()
	rec = capture.NewRecording()
	cfg := proxy.Config{Listen: "127.0.0.1:0", Upstream: server.Addr().String(), Record: rec.AddPassage, Events: rec.AddEvent}
	if toxic != nil {
		made, err := toxics.MakeToxic(*toxic)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Toxics = proxy.FromToxic(made)
	}
	px, err := proxy.New(cfg)
	if err == nil {
		err = px.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer px.Close()
	conn, err := net.Dial("tcp", px.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "hello")
	_ = conn.(*net.TCPConn).CloseWrite()
	got, ending := io.ReadAll(conn)
	<-served
	return rec, string(got), ending
}

func writeRecording(t *testing.T, rec *capture.Recording) string {
	t.Helper()
	var out bytes.Buffer
	if err := rec.WritePcapng(&out, "what it is of"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "recording.pcapng")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Without a toxic both legs have the same bytes and ends, and the loop of the proxy, which
// copies, carries them.
func TestRecordingHasBothLegs(t *testing.T) {
	rec, got, err := record(t, nil, "hello yourself")
	if got != "hello yourself" || err != nil {
		t.Fatalf("the client read %q, %v", got, err)
	}
	path := writeRecording(t, rec)
	all, err := capture.ReadFile(path, 0)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %d conversations, %v, want those of the two legs", len(all), err)
	}
	for _, c := range all {
		if c.Err != nil || len(c.Notes) > 0 || len(c.Turns) != 2 || string(c.Turns[0].Bytes) != "hello" || string(c.Turns[1].Bytes) != "hello yourself" {
			t.Errorf("got %+v", c)
		}
		if c.Ended != event.Client || c.By != event.EOF || !c.After {
			t.Errorf("ended %s by %s, want the client's FIN before the answer", c.Ended, c.By)
		}
	}
	readAgain(t, path)
}

// readAgain holds the file against what the writer promises of times and comments.
func readAgain(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for n := 0; ; n++ {
		_, info, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Timestamp.Before(last) || time.Since(info.Timestamp) > time.Hour || time.Since(info.Timestamp) < 0 {
			t.Errorf("packet %d is of %s, after one of %s", n, info.Timestamp, last)
		}
		last = info.Timestamp
	}
	if r.SectionInfo().Comment != "what it is of" {
		t.Errorf("got the comment %q", r.SectionInfo().Comment)
	}
}

// What does not fit is counted, and its place in the stream is kept.
func TestRecordingIsBounded(t *testing.T) {
	rec := capture.NewRecording()
	at := time.Now()
	peer, own := &net.TCPAddr{IP: net.IP{127, 0, 0, 1}, Port: 4000}, &net.TCPAddr{IP: net.IP{127, 0, 0, 1}, Port: 5000}
	for id := uint64(1); id <= 130; id++ {
		rec.AddPassage(link.Passage{At: at, Conn: id, Side: event.Client, Kind: event.Accept, Peer: peer, Own: own})
	}
	block := bytes.Repeat([]byte("x"), 10_000)
	for range 1000 {
		rec.AddPassage(link.Passage{At: at, Conn: 1, Side: event.Client, Kind: event.Bytes, Bytes: block})
	}
	rec.AddPassage(link.Passage{At: at, Conn: 1, Side: event.Client, Kind: event.Bytes, Bytes: []byte("the end")})
	rec.AddPassage(link.Passage{At: at, Conn: 1, Side: event.Client, Kind: event.FIN})
	for range 20_000 {
		rec.AddPassage(link.Passage{At: at, Conn: 2, Side: event.Client, Sent: true, Kind: event.Bytes, Bytes: []byte("y")})
	}
	var out bytes.Buffer
	if err := rec.WritePcapng(&out, ""); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 2<<20 {
		t.Errorf("the file has %d bytes", out.Len())
	}
	left := 1000*10_000 + 7 - 13*10_000 - 10_000 - 7
	for _, want := range []string{"2 connections are left out", fmt.Sprintf("%d bytes left out before this packet", left), fmt.Sprintf("%d bytes left out before this packet", 20_000-4096-2048), "the end"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the file does not say %q", want)
		}
	}
	one := rec.TakeConnection(1)
	var alone, others bytes.Buffer
	if err := one.WritePcapng(&alone, ""); err != nil {
		t.Fatal(err)
	}
	if err := rec.WritePcapng(&others, ""); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(alone.String(), "the end") || strings.Contains(others.String(), "the end") {
		t.Error("the connection was not moved")
	}
}
