package capture_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
)

// recordDatagrams has one datagram answered and another one dropped, and returns what was
// recorded.
func recordDatagrams(t *testing.T) *capture.Recording {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for buf := make([]byte, 100); ; {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	spec, err := toxics.ParseFlag("drop direction=upstream at.segment=2")
	if err != nil {
		t.Fatal(err)
	}
	made, err := datagram.MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	rec := capture.NewRecording()
	struck := make(chan struct{}, 1)
	px, err := datagram.New(datagram.Config{Listen: "127.0.0.1:0", Upstream: server.LocalAddr().String(), Toxics: []datagram.Toxic{made}, Record: rec.AddPassage,
		Events: func(e event.Event) {
			rec.AddEvent(e)
			if e.Kind == event.Struck {
				struck <- struct{}{}
			}
		}})
	if err == nil {
		err = px.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer px.Close()
	client, err := net.Dial("udp", px.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(time.Minute))
	answer := make([]byte, 100)
	_, err = client.Write([]byte("one"))
	if n, failed := client.Read(answer); err != nil || failed != nil || string(answer[:n]) != "ONE" {
		t.Fatalf("got %q, %v, %v", answer[:n], err, failed)
	}
	if _, err := client.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	<-struck
	return rec
}

// An association is taken out of a recording with its datagrams, and no other one.
func TestTakeAssociation(t *testing.T) {
	rec := recordDatagrams(t)
	one, none := rec.TakeConnection(1), rec.TakeConnection(1)
	whole, empty := writeRecording(t, one), writeRecording(t, none)
	if n, m := countPackets(t, whole), countPackets(t, empty); n != 5 || m != 0 {
		t.Errorf("got %d and %d packets, want 5 and 0", n, m)
	}
}

func countPackets(t *testing.T, path string) (n int) {
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
	for {
		_, _, err := r.ReadPacketData()
		if err == io.EOF {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
}
