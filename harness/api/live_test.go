package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// watchLive returns what reads the next frame of a live stream.
func watchLive(t *testing.T, url string, headers ...string) (next func() frame) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response, err)
	}
	t.Cleanup(func() { cancel(); _ = response.Body.Close() })
	lines := bufio.NewReader(response.Body)
	return func() (f frame) {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if text, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(text), &f); err != nil {
					t.Fatal(err)
				}
				return f
			}
		}
	}
}

// A frame has what is new, and only that.
func TestLiveShowsChanges(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	next := watchLive(t, url+"/live")
	first := next()
	if len(first.Proxies) == 0 || first.Open != 0 || len(first.Events) == 0 {
		t.Errorf("got %+v", first)
	}
	p := connect(t, d, addr, upstream)
	awaitFrame(next, func(f frame) bool {
		return len(f.Connections) == 1 && f.Connections[0].Server.Address != "" && f.Open == 1
	})
	if f := awaitFrame(next, func(f frame) bool { return len(f.Connections) == 0 }); len(f.Proxies) != 0 {
		t.Errorf("said again: %s", f.Proxies)
	}
	p.send(t, p.client, "hello")
	awaitFrame(next, func(f frame) bool { return len(f.Connections) == 1 && f.Connections[0].Upstream.Sent == 5 })
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"noop"}`)
	awaitFrame(next, func(f frame) bool { return strings.Contains(string(f.Proxies), "noop") })
	_, _ = p.client.Close(), p.server.Close()
	gone := awaitFrame(next, func(f frame) bool { return len(f.Gone) == 1 })
	if gone.Gone[0] != 1 || gone.Open != 0 {
		t.Errorf("got %+v", gone)
	}
	if len(gone.Closed) == 0 {
		gone = awaitFrame(next, func(f frame) bool { return len(f.Closed) == 1 })
	}
	if gone.Closed[0].ID != 1 || gone.Closed[0].EndedBy == "" {
		t.Errorf("got %+v", gone.Closed)
	}
}

func awaitFrame(next func() frame, match func(frame) bool) frame {
	for {
		if f := next(); match(f) {
			return f
		}
	}
}

// What is more than a frame holds is counted, not queued.
func TestLiveDropsAndSaysSo(t *testing.T) {
	h := newHistory(time.Now())
	for i := range keptEvents + 3*eventsABlock {
		h.publishEvent(event.Event{Kind: event.Accept, Proxy: fmt.Sprint("p", i%2), Conn: uint64(i + 1)})
	}
	total := uint64(keptEvents + 3*eventsABlock)
	list, skipped, last := h.latest(eventFilter{}, 10, 100)
	if len(list) != 100 || last != total || list[99].ID != total || skipped+100+10 != total {
		t.Errorf("got %d events to %d, %d skipped, last %d", len(list), list[len(list)-1].ID, skipped, last)
	}
	list, skipped, _ = h.latest(eventFilter{proxy: "p1"}, total-10, 3)
	if len(list) != 3 || list[0].Proxy != "p1" || skipped != 2 {
		t.Errorf("got %+v, %d skipped", list, skipped)
	}
	if list, skipped, last = h.latest(eventFilter{}, total, 100); len(list) != 0 || skipped != 0 || last != total {
		t.Errorf("got %d, %d skipped, %d", len(list), skipped, last)
	}
}

// There are so many live streams and no more, and who goes makes room.
func TestLiveStreamsAreBounded(t *testing.T) {
	d, url := serve(t, Config{})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for range maxLive {
		r, _ := http.NewRequestWithContext(ctx, "GET", url+"/live", nil)
		response, err := http.DefaultClient.Do(r)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		defer func() { _ = response.Body.Close() }()
	}
	must(t, 503, "GET", url+"/live", "")
	leave()
	until(t, "they are gone", func() bool { return d.watching.Load() == 0 })
	watchLive(t, url+"/live")()
	must(t, 400, "GET", url+"/live?knid=x", "")
}

// The live page is a browser: it is answered with its token, from its own origin, and
// its files are answered without.
func TestPageGuard(t *testing.T) {
	_, url := serve(t, Config{Guard: Guard{Page: "secret"}})
	_, without := serve(t, Config{})
	_, locked := serve(t, Config{Guard: Guard{Token: "both", Page: "both"}})
	browser := []string{"User-Agent", "Mozilla/5.0 (X11)"}
	for _, c := range []struct {
		why, url string
		want     int
		headers  []string
	}{
		{"page", url + "/ui/", 200, browser},
		{"script", url + "/ui/main.js", 200, browser},
		{"no such file", url + "/ui/none.js", 404, browser},
		{"no folder", url + "/ui/../proxies", 301, browser},
		{"page by a name that was rebound", url + "/ui/", 403, append(browser, "Host", "attacker.example")},
		{"page from a foreign origin", url + "/ui/main.js", 403, append(browser, "Origin", "http://attacker.example")},
		{"API without a token", url + "/proxies", 403, browser},
		{"API with another token", url + "/proxies", 403, append(browser, "Authorization", "Bearer x")},
		{"API with the token", url + "/proxies", 200, append(browser, "Authorization", "Bearer secret")},
		{"the same from the own origin", url + "/proxies", 200, append(browser, "Authorization", "Bearer secret", "Origin", url)},
		{"the same from a foreign one", url + "/proxies", 403, append(browser, "Authorization", "Bearer secret", "Origin", "http://attacker.example")},
		{"the same by a name that was rebound", url + "/proxies", 403, append(browser, "Authorization", "Bearer secret", "Host", "attacker.example")},
		{"others beside it", url + "/proxies", 200, nil},
		{"no page", without + "/ui/", 404, browser},
		{"one token for both", locked + "/proxies", 200, append(browser, "Authorization", "Bearer both")},
		{"one token for both, none given", locked + "/proxies", 403, browser},
		{"one token for both, no browser", locked + "/proxies", 401, nil},
	} {
		status, headers, body := call(t, "GET", c.url, "", c.headers...)
		if status != c.want {
			t.Errorf("%s: got %d %.200s, want %d", c.why, status, body, c.want)
		}
		if strings.Contains(c.url, "/ui/") && status == 200 && !strings.Contains(headers.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
			t.Errorf("%s: policy %q", c.why, headers.Get("Content-Security-Policy"))
		}
	}
}
