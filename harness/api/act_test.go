package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// acted does an act and returns how many connections it was done to.
func acted(t *testing.T, url, path string) int {
	t.Helper()
	var done actReply
	if err := json.Unmarshal([]byte(must(t, 200, "POST", url+"/connections/"+path, "")), &done); err != nil {
		t.Fatal(err)
	}
	return len(done.Connections)
}

// An end at a byte leaves exactly the bytes before it, at an offset or so many from now.
func TestEndsAtAByte(t *testing.T) {
	for _, test := range []struct {
		act, want string
		ending    event.Ending
	}{
		{"reset?stream=downstream&at=8", "678", event.Reset},
		{"reset?stream=downstream&next=0", "", event.Reset},
		{"end?stream=downstream&next=2", "67", event.EOF},
		{"half_close?stream=downstream&next=4&reason=because+I+can", "6789", event.EOF},
	} {
		t.Run(test.act, func(t *testing.T) {
			d, url := serve(t, Config{})
			upstream := listen(t)
			p := connect(t, d, newProxy(t, url, "p", upstream.Addr().String()), upstream)
			p.send(t, p.server, "12345")
			wantRead(t, p.client, "12345")
			if n := acted(t, url, "1/"+test.act); n != 1 {
				t.Fatalf("acted on %d", n)
			}
			_, _ = p.server.Write([]byte("6789abc"))
			wantEnding(t, "client", p.client, test.want, test.ending)
			events := must(t, 200, "GET", url+"/events?format=json&kind=act", "")
			if !strings.Contains(events, "downstream at byte "+fmt.Sprint(5+len(test.want))) {
				t.Errorf("the log says %s", events)
			}
			if strings.Contains(test.act, "reason") && !strings.Contains(events, ": because I can") {
				t.Errorf("the reason is missing in %s", events)
			}
		})
	}
}

// A byte that has passed is refused, as is what no act knows.
func TestActMistakes(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	p := connect(t, d, newProxy(t, url, "p", upstream.Addr().String()), upstream)
	p.send(t, p.client, "12345")
	wantRead(t, p.server, "12345")
	for path, status := range map[string]int{"1/reset?stream=upstream&at=4": 400, "1/reset?at=4": 400, "1/reset?stream=upstream&at=9&next=1": 400,
		"1/reset?stream=upstream": 400, "1/resume": 409, "1/resume?at=1": 400, "1/record?stream=upstream": 400, "7/stall": 404, "1/stall?stream=up": 400} {
		must(t, status, "POST", url+"/connections/"+path, "")
	}
	must(t, 404, "GET", url+"/connections/1/stream?stream=upstream", "")
	must(t, 404, "DELETE", url+"/connections/1/toxics/none", "")
	for body, status := range map[string]int{`{"type":"none"}`: 400, `{"type":"refuse"}`: 400, `{"type":"latency","toxicity":0.5}`: 400, `{"type":"noop","connections":"1-2"}`: 400} {
		must(t, status, "POST", url+"/connections/1/toxics", body)
	}
	p.send(t, p.client, "6")
	wantRead(t, p.server, "6")
}

// A stall holds what comes until it is resumed, and loses nothing.
func TestStallAndResume(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	p, other := connect(t, d, addr, upstream), connect(t, d, addr, upstream)
	if n := acted(t, url, "stall?client="+p.client.LocalAddr().String()); n != 1 {
		t.Fatalf("stalled %d", n)
	}
	p.send(t, p.client, "up")
	p.send(t, p.server, "down")
	other.send(t, other.client, "free")
	wantRead(t, other.server, "free")
	until(t, "both directions are stalled", func() bool {
		text := must(t, 200, "GET", url+"/connections/1", "")
		return strings.Contains(text, `"struck":["stall by request `) && strings.Count(text, `"received_bytes":2`)+strings.Count(text, `"received_bytes":4`) == 2
	})
	acted(t, url, "1/resume?stream=upstream")
	wantRead(t, p.server, "up")
	acted(t, url, "1/resume")
	wantRead(t, p.client, "down")
	must(t, 409, "POST", url+"/connections/1/resume", "")
}

// Any toxic can be that of one connection.
func TestToxicOfOneConnection(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	p, other := connect(t, d, addr, upstream), connect(t, d, addr, upstream)
	must(t, 200, "POST", url+"/connections/1/toxics", `{"type":"corrupt","stream":"upstream","attributes":{"offsets":[1]}}`)
	p.send(t, p.client, "abc")
	got := make([]byte, 3)
	if _, err := p.server.Read(got[:3]); err != nil || got[0] != 'a' || got[1] == 'b' {
		t.Errorf("read %q, %v", got, err)
	}
	other.send(t, other.client, "abc")
	wantRead(t, other.server, "abc")
	must(t, 204, "DELETE", url+"/connections/1/toxics/corrupt_upstream", "")
	p.send(t, p.client, "def")
	wantRead(t, p.server, "def")
}

// What peers send is shown with its offsets, of one connection from now on or of new
// ones from the start, and after they are over.
func TestStreamIsRecorded(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	p := connect(t, d, addr, upstream)
	p.send(t, p.client, "before")
	wantRead(t, p.server, "before")
	acted(t, url, "1/record")
	if got := must(t, 200, "GET", url+"/connections/1/stream?stream=downstream", ""); got != `{"stream":"downstream","first":0,"from":0,"bytes":"","next":0,"pieces":[]}` {
		t.Errorf("of nothing: %s", got)
	}
	must(t, 204, "POST", url+"/proxies/p/record", "")
	fresh := connect(t, d, addr, upstream)
	must(t, 204, "DELETE", url+"/proxies/p/record", "")
	later := connect(t, d, addr, upstream)
	for _, one := range []pair{p, fresh, later} {
		one.send(t, one.client, "hello")
		wantRead(t, one.server, "hello")
		_ = one.client.Close()
		wantEnding(t, "server", one.server, "", event.EOF)
	}
	for id, want := range map[int]string{1: `"first":6,"from":6,"bytes":"aGVsbG8=","next":11,`, 2: `"first":0,"from":0,"bytes":"aGVsbG8=","next":5,`} {
		got := must(t, 200, "GET", fmt.Sprintf("%s/connections/%d/stream?stream=upstream", url, id), "")
		if !strings.Contains(got, want) {
			t.Errorf("connection %d: got %s, want %s", id, got, want)
		}
	}
	must(t, 404, "GET", url+"/connections/3/stream?stream=upstream", "")
	must(t, 400, "GET", url+"/connections/1/stream", "")
}

// Recordings are bounded: the oldest makes way for the newest.
func TestRecordingsAreBounded(t *testing.T) {
	var r recordings
	for id := range uint64(keptRecordings + 5) {
		r.create(id)
	}
	if r.find(4) != nil || r.find(5) == nil || len(r.byID) != keptRecordings || r.create(7) != r.find(7) {
		t.Errorf("got %d", len(r.byID))
	}
}

func TestCatalogueIsShown(t *testing.T) {
	_, url := serve(t, Config{})
	got := must(t, 200, "GET", url+"/catalogue", "")
	for _, want := range []string{`"type":"latency"`, `"name":"jitter"`, `"unit":"ms"`, `"choices":["fin","reset"]`, `"type":"half_close"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
