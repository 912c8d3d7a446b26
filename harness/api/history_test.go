package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// history reads what there is after an event.
func historyAfter(t *testing.T, url string, since uint64) eventList {
	t.Helper()
	var all eventList
	text := must(t, 200, "GET", fmt.Sprintf("%s/events?format=json&since=%d", url, since), "")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEventsOfChanges(t *testing.T) {
	_, url := serve(t, Config{})
	addr := newProxy(t, url, "p", freeAddr(t))
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"name":"slow","type":"latency","attributes":{"latency":1}}`)
	must(t, 200, "PATCH", url+"/proxies/p/toxics/slow", `{"attributes":{"latency":2}}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"refuse"}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"accept"}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"blackhole"}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"mode":"accept"}`)
	wantEnding(t, "client", dial(t, addr), "", event.EOF)
	until(t, "the failed dial is over", func() bool {
		return strings.Contains(must(t, 200, "GET", url+"/connections?closed", ""), "could not be dialled")
	})
	must(t, 200, "PATCH", url+"/proxies/p", `{"upstream":"127.0.0.1:9"}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":false}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":true}`)
	must(t, 204, "DELETE", url+"/proxies/p/toxics/slow", "")
	must(t, 204, "DELETE", url+"/proxies/p", "")

	all := historyAfter(t, url, 0)
	var words []string
	var last event.Event
	for i, e := range all.Events {
		if e.ID != uint64(i+1) || e.Time.IsZero() || e.At < last.At || time.Since(e.Time) > time.Hour {
			t.Errorf("event %d: got %+v after %+v", i, e, last)
		}
		words, last = append(words, string(e.Kind)), e
		if e.Kind == event.DialFailed && (e.Ending != event.Refused || e.Errno != "ECONNREFUSED") {
			t.Errorf("got %+v", e)
		}
	}
	want := "proxy-added toxic-added toxic-updated refuse mode mode mode mode accept dial-failed refuse fin close proxy-updated proxy-disabled proxy-enabled toxic-removed proxy-removed"
	if got := strings.Join(words, " "); got != want {
		t.Errorf("got events\n%s, want\n%s", got, want)
	}
	text := must(t, 200, "GET", url+"/events?format=json&kind=toxic-added,mode", "")
	for _, want := range []string{`"toxic":"slow"`, `"direction":"downstream"`, `"detail":"blackhole"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Count(text, "direction") != 1 {
		t.Errorf("a mode has no direction: %s", text)
	}
	for _, bad := range []string{"since=x", "since=-1", "since=99999", "proxi=p", "format=xml", "bytes=maybe", "conn=one"} {
		if got := must(t, 400, "GET", url+"/events?"+bad, ""); !strings.Contains(got, "bad query") {
			t.Errorf("%s: got %s", bad, got)
		}
	}
}

func TestEventsSinceAnID(t *testing.T) {
	d, url := serve(t, Config{})
	for range 10 {
		d.history.publishEvent(event.Event{Kind: event.Accept, Proxy: "p"})
	}
	request, _ := http.NewRequest("GET", url+"/events", nil)
	request.Header.Set("Last-Event-ID", "7")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var ids []string
	for lines := bufio.NewScanner(response.Body); len(ids) < 3 && lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
	}
	if got := strings.Join(ids, " "); got != "8 9 10" {
		t.Errorf("got %s", got)
	}
	if got := historyAfter(t, url, 9); len(got.Events) != 1 || got.LastID != 10 {
		t.Errorf("got %+v", got)
	}
}

// What a reader has lost is told where it is missing, to the event.
func TestLossIsToldInPlace(t *testing.T) {
	h := newHistory(time.Now())
	r, leave := h.follow(eventFilter{}, 0)
	defer leave()
	publish := func(n int) {
		for range n {
			h.publishEvent(event.Event{Kind: event.Accept})
		}
	}
	publish(3 * eventsABlock)
	first, lost, _ := h.nextEvents(r)
	if len(first) != eventsABlock || lost != nil || first[0].ID != 1 {
		t.Fatalf("got %d events, lost %+v", len(first), lost)
	}
	publish(maxLag + 2*keptEvents)
	next := first[len(first)-1].ID + 1
	gaps := 0
	for done := false; !done; {
		var list []event.Event
		list, lost, done = h.nextEvents(r)
		if lost != nil {
			gaps++
			if lost.First != next || lost.Last < lost.First || lost.Events != lost.Last-lost.First+1 {
				t.Fatalf("got %+v, want from %d on", lost, next)
			}
			next = lost.Last + 1
		}
		for _, e := range list {
			if e.ID != next {
				t.Fatalf("got event %d, want %d", e.ID, next)
			}
			next++
		}
	}
	if next != h.lastID()+1 || gaps != 1 {
		t.Errorf("read up to %d of %d, %d gaps", next-1, h.lastID(), gaps)
	}
	late, leaveLate := h.follow(eventFilter{}, 0)
	defer leaveLate()
	all := h.collectEvents(late)
	if all.Lost == nil || all.Lost.First != 1 || len(all.Events) < keptEvents || all.Events[0].ID != all.Lost.Last+1 {
		t.Errorf("got %d events, lost %+v", len(all.Events), all.Lost)
	}
}

// What there is makes one write, however many blocks it is in, up to a limit.
func TestManyEventsAreOneWrite(t *testing.T) {
	d, _ := serve(t, Config{})
	r, leave := d.history.follow(eventFilter{kinds: []string{"accept"}}, d.history.lastID())
	defer leave()
	publish := func(n int) {
		for range n {
			d.history.publishEvent(event.Event{Kind: event.Accept})
			d.history.publishEvent(event.Event{Kind: event.Dial})
		}
	}
	for _, n := range []int{1, eventsABlock, 20 * eventsABlock} {
		publish(n)
		writes := 0
		for got := 0; got < n; writes++ {
			var out eventWriter
			if !out.gatherEvents(t.Context(), d, r, nil) {
				t.Fatal("the stream is over")
			}
			got += strings.Count(out.text.String(), "event: accept\n")
			if out.full != (got < n) || strings.Contains(out.text.String(), "dial") {
				t.Fatalf("%d of %d events, full: %v", got, n, out.full)
			}
		}
		if most := 1 + n/eventsABlock/2; writes > most {
			t.Errorf("%d events: got %d writes, want at most %d", n, writes, most)
		}
	}
}

func TestClosedConnections(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	p := connect(t, d, addr, upstream)
	_ = p.client.CloseWrite()
	wantEnding(t, "server", p.server, "", event.EOF)
	_ = p.server.Close()
	wantEnding(t, "client", p.client, "", event.EOF)
	var list []connection
	until(t, "it is closed", func() bool {
		list = nil
		if err := json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?closed", "")), &list); err != nil {
			t.Fatal(err)
		}
		return len(list) == 1
	})
	if c := list[0]; c.EndedBy != event.Client || c.EndedAs != event.EOF || c.Ended == nil || c.Client.Address != p.client.LocalAddr().String() {
		t.Errorf("got %+v", c)
	}
	if got := must(t, 200, "GET", url+"/connections/"+fmt.Sprint(list[0].ID), ""); !strings.Contains(got, `"ended_by":"client"`) {
		t.Errorf("got %s", got)
	}
	for range keptClosed + 5 {
		c := dial(t, addr)
		s := accept(t, upstream)
		_ = s.Close()
		wantEnding(t, "client", c, "", event.EOF)
		_ = c.Close()
	}
	until(t, "the last ones are kept", func() bool {
		list = nil
		_ = json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?closed&proxy=p", "")), &list)
		return len(list) == keptClosed && slices.ContainsFunc(list, func(c connection) bool { return c.ID == uint64(keptClosed+6) })
	})
	must(t, 204, "DELETE", url+"/proxies/p", "")
	if again := newProxy(t, url, "p", upstream.Addr().String()); again != "" {
		if q := connect(t, d, again, upstream); !strings.Contains(must(t, 200, "GET", url+"/connections", ""), fmt.Sprintf(`"id":%d`, keptClosed+7)) {
			t.Errorf("%v: a number came again", q.client.LocalAddr())
		}
	}
}

func TestConnectionsAreEnded(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	other := newProxy(t, url, "q", upstream.Addr().String())
	end := func(path string, want int) actReply {
		t.Helper()
		var done actReply
		if err := json.Unmarshal([]byte(must(t, 200, "POST", url+"/connections/"+path, "")), &done); err != nil {
			t.Fatal(err)
		}
		if done.Ended == nil || *done.Ended != want || len(done.Connections) != want {
			t.Errorf("%s: got %+v, want %d", path, done, want)
		}
		return done
	}
	a, b, c, e := connect(t, d, addr, upstream), connect(t, d, addr, upstream), connect(t, d, addr, upstream), connect(t, d, other, upstream)

	end("1/half_close?stream=upstream", 1)
	wantEnding(t, "server", a.server, "", event.EOF)
	a.send(t, a.server, "still here")
	wantRead(t, a.client, "still here")

	end("2/reset", 1)
	wantEnding(t, "client", b.client, "", event.Reset)
	wantEnding(t, "server", b.server, "", event.Reset)

	end("end?client="+c.client.LocalAddr().String(), 1)
	wantEnding(t, "client", c.client, "", event.EOF)
	wantEnding(t, "server", c.server, "", event.EOF)

	end("reset?proxy=q", 1)
	wantEnding(t, "client", e.client, "", event.Reset)
	until(t, "one is open", func() bool { return strings.Count(must(t, 200, "GET", url+"/connections", ""), `"id"`) == 1 })
	end("end", 1)
	wantEnding(t, "client", a.client, "", event.EOF)
	until(t, "none is open", func() bool { return must(t, 200, "GET", url+"/connections", "") == "[]" })
	end("end", 0)

	var list []connection
	if err := json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections?closed&proxy=p", "")), &list); err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		if one.EndedBy != event.Proxy {
			t.Errorf("got %+v, want the proxy to be first", one)
		}
	}
	for path, status := range map[string]int{"connections/2/reset": 404, "connections/x/end": 400, "connections/end?proxi=p": 400,
		"connections/end?proxy=none": 404, "connections/half_close": 400, "connections/1/half_close?stream=up": 400} {
		must(t, status, "POST", url+"/"+path, "")
	}
}

// Nothing but the history waits for a reader who reads nothing, and he is told what is
// lost to him.
func TestStalledReadersHoldNoEvents(t *testing.T) {
	const many = 20_000
	for _, reads := range []bool{true, false} {
		h := newHistory(time.Now())
		r, leave := h.follow(eventFilter{}, 0)
		r.beginWrite()
		if !reads {
			r.writing.Store(time.Now().Add(-2 * stalledWrite).UnixNano())
		}
		for range many {
			h.publishEvent(event.Event{Kind: event.Accept})
		}
		held := h.last - h.head.first
		list, lost, _ := h.nextEvents(r)
		if reads && (lost != nil || len(list) == 0 || list[0].ID != 1) {
			t.Errorf("one who is only slow has lost %+v", lost)
		}
		if !reads && (lost == nil || lost.First != 1 || held > keptEvents+eventsABlock) {
			t.Errorf("%d events are held for one who reads nothing, told as lost: %+v", held, lost)
		}
		leave()
	}
}
