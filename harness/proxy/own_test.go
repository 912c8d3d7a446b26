package proxy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

func makeAt(t *testing.T, kind string, d event.Direction, at int64) toxics.Toxic {
	t.Helper()
	made, err := toxics.MakeToxic(spec.Spec{Type: kind, Direction: d, At: spec.Trigger{Byte: &at}})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (r *rig) only() uint64 {
	r.t.Helper()
	open := r.proxy.OpenConnections()
	if len(open) != 1 {
		r.t.Fatalf("got %d connections, want 1", len(open))
	}
	return open[0].ID
}

// The offset of a toxic of one connection is that of the stream, however much was
// carried before.
func TestOwnToxicStrikesAtTheOffsetOfTheStream(t *testing.T) {
	for _, carried := range []int{0, 5, 100_000} {
		r := newRig(t, nil)
		client, server := r.pair()
		send(t, server, strings.Repeat("x", carried))
		wantRead(t, client, strings.Repeat("x", carried))
		at := int64(carried + 7)
		if !r.proxy.AddToConnection(r.only(), makeAt(t, "reset", event.Downstream, at)) {
			t.Fatal("the connection is not open")
		}
		send(t, server, "0123456789")
		wantRead(t, client, "0123456")
		struck := r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck })
		if struck.Offset != at {
			t.Errorf("after %d bytes: struck at %d, want %d", carried, struck.Offset, at)
		}
		wantEnding(t, client, "", event.Reset)
	}
}

// No other connection has it, and it can be taken off again: what it held goes on.
func TestOwnToxicIsOfOneConnection(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	id := r.only()
	other, otherServer := r.pair()
	stall, err := toxics.MakeToxic(spec.Spec{Name: "s", Type: "stall", Direction: event.Upstream})
	if err != nil {
		t.Fatal(err)
	}
	r.proxy.AddToConnection(id, stall)
	r.proxy.AddToConnection(id, stall) // in the place of the first
	send(t, client, "held")
	send(t, other, "not held")
	wantRead(t, otherServer, "not held")
	r.wantEvent("struck", func(e event.Event) bool { return e.Kind == event.Struck && e.Conn == id })
	if !r.proxy.RemoveFromConnection(id, "s") || r.proxy.RemoveFromConnection(id, "s") {
		t.Error("the toxic was not there, or is there twice")
	}
	wantRead(t, server, "held")
	if r.proxy.AddToConnection(99, stall) {
		t.Error("there is no such connection")
	}
}

// A recording has the bytes with their offsets, from when it began, before toxics have
// them; the connection goes on as before.
func TestRecording(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	send(t, client, "before")
	wantRead(t, server, "before")
	recording := NewRecording(1000)
	if r.proxy.RecordConnection(r.only(), recording) != recording {
		t.Fatal("the connection is not open")
	}
	send(t, client, "after")
	wantRead(t, server, "after")
	got := recording.ReadFrom(event.Upstream, 0, 100)
	if got.First != 6 || got.From != 6 || string(got.Bytes) != "after" || got.Next != 11 || len(got.Pieces) == 0 || got.Pieces[0].Offset != 6 {
		t.Errorf("got %+v", got)
	}
	if c := r.proxy.OpenConnections()[0]; !c.Recorded || len(c.Toxics[event.Upstream]) != 0 {
		t.Errorf("got %+v", c)
	}
	long := bytes.Repeat([]byte("0123456789"), 10_000)
	go func() { _, _ = server.Write(long) }()
	wantRead(t, client, string(long))
	got = recording.ReadFrom(event.Downstream, 0, 1<<20)
	if got.Next != int64(len(long)) || len(got.Bytes) != 1000 || got.From != got.Next-1000 || !bytes.Equal(got.Bytes, long[len(long)-1000:]) {
		t.Errorf("got %d bytes from %d to %d", len(got.Bytes), got.From, got.Next)
	}
	recording.Stop()
	send(t, client, "gap")
	wantRead(t, server, "gap")
	if r.proxy.RecordConnection(r.only(), NewRecording(1)) != recording {
		t.Error("another recording took its place")
	}
	send(t, client, "again")
	wantRead(t, server, "again")
	if got := recording.ReadFrom(event.Upstream, 0, 100); got.First != 14 || string(got.Bytes) != "again" {
		t.Errorf("got %+v", got)
	}
	_ = client.CloseWrite()
	wantRead(t, server, "")
	_ = server.Close()
	r.wantClosed()
}

// New connections can be recorded from their first byte on.
func TestRecordingOfNewConnections(t *testing.T) {
	recording := NewRecording(1000)
	r := newRig(t, func(c *Config) { c.Keep = func(uint64) *Recording { return recording } })
	client, server := r.pair()
	send(t, client, "hello")
	wantRead(t, server, "hello")
	if got := recording.ReadFrom(event.Upstream, 2, 2); got.First != 0 || string(got.Bytes) != "ll" {
		t.Errorf("got %+v", got)
	}
	reset(t, client)
	wantEnding(t, server, "", event.Reset)
}
