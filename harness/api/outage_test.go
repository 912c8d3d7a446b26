package api

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"errors"
)

// An outage is one call with a name, and comes on top of what the proxy has.
func TestOutages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxies.json")
	d, url := serve(t, Config{Persist: file})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	open := connect(t, d, addr, upstream)
	at := url + "/proxies/p/outage"
	must(t, 404, "GET", at, "")
	must(t, 200, "POST", at, `{"outage":"refuse_new","for":"1h"}`)
	if shown := must(t, 200, "GET", at, ""); !strings.HasPrefix(shown, `{"outage":"refuse_new","for":3`) {
		t.Errorf("got %s", shown)
	}
	refused(t, addr)
	open.send(t, open.client, "still here")
	wantRead(t, open.server, "still here")
	if kept, err := os.ReadFile(file); err != nil || strings.Contains(string(kept), "outage") || strings.Contains(must(t, 200, "GET", url+"/config", ""), "outage") {
		t.Errorf("an outage is no part of the configuration, and does not outlive the daemon: %s, %v", kept, err)
	}
	// Another upstream puts another proxy behind the port, which has the same outage.
	must(t, 200, "POST", url+"/proxies/p", `{"seed":5}`)
	refused(t, addr)
	must(t, 200, "POST", at, `{"outage":"partition","stream":"Downstream"}`)
	if shown := must(t, 200, "GET", at, ""); shown != `{"outage":"partition","stream":"downstream"}` {
		t.Errorf("got %s", shown)
	}
	if _, err := net.DialTimeout("tcp", addr, 50*time.Millisecond); !os.IsTimeout(err) {
		t.Errorf("a connect during a partition: got %v", err)
	}
	if view := must(t, 200, "GET", url+"/proxies/p", ""); strings.Contains(view, "partition") || strings.Contains(view, "mode") {
		t.Errorf("the proxy is no other one: %s", view)
	}
	must(t, 204, "DELETE", at, "")
	must(t, 204, "DELETE", at, "")
	connect(t, d, addr, upstream)
	must(t, 200, "POST", at, `{"outage":"refuse_new"}`)
	must(t, 204, "POST", url+"/reset", "")
	connect(t, d, addr, upstream)
	told := must(t, 200, "GET", url+"/events?format=json&kind=outage", "")
	if n := strings.Count(told, `"kind":"outage"`); n != 6 {
		t.Errorf("got %d events of outages, want 3 begun, 1 carried over, 2 healed: %s", n, told)
	}
}

func TestOutageRefusals(t *testing.T) {
	_, url := serve(t, Config{})
	upstream := listen(t)
	newProxy(t, url, "p", upstream.Addr().String())
	must(t, 201, "POST", url+"/proxies", `{"name":"off","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false}`)
	must(t, 201, "POST", url+"/proxies", `{"name":"udp","listen":"udp:127.0.0.1:0","upstream":"udp:127.0.0.1:1"}`)
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"nobody", `{"outage":"partition"}`, 404, "proxy not found"},
		{"off", `{"outage":"partition"}`, 409, "proxy is disabled"},
		{"udp", `{"outage":"partition"}`, 400, "an outage is of streams"},
		{"p", `{"outage":"partitoin"}`, 400, "outage must be partition, refuse_new or fail"},
		{"p", `{"outage":"fail"}`, 400, "fail needs first, for, or both"},
		{"p", `{"outage":"fail","first":2,"how":"refuse"}`, 400, "a port cannot refuse some connects alone"},
		{"p", `{"outage":"partition","stream":"down"}`, 400, "stream must be upstream"},
		{"p", `{"outage":"partition","for":"soon"}`, 400, "for must be"},
	} {
		if status, _, text := call(t, "POST", url+"/proxies/"+c.name+"/outage", c.body); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: got %d %s", c.name, c.body, status, text)
		}
	}
}

// A schedule is the same for the same toxics and seed, wherever they are.
func TestScheduleOfAProxy(t *testing.T) {
	schedule := func(seed int64, name, toxic string) string {
		_, url := serve(t, Config{Seed: seed})
		newProxy(t, url, name, freeAddr(t))
		must(t, 200, "POST", url+"/proxies/"+name+"/toxics", toxic)
		return must(t, 200, "GET", url+"/proxies/"+name+"/schedule", "")
	}
	const loss = `{"type":"packet_loss","attributes":{"loss_rate":0.5}}`
	one := schedule(1, "p", loss)
	if again := schedule(1, "p", loss); again != one {
		t.Errorf("got %s, then %s", one, again)
	}
	for _, other := range []string{schedule(2, "p", loss), schedule(1, "q", loss), schedule(1, "p", `{"type":"packet_loss","toxicity":0.5}`)} {
		if other == one {
			t.Errorf("the same schedule %s", other)
		}
	}
}

func refused(t *testing.T, addr string) {
	t.Helper()
	if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refused connect", err)
		if err == nil {
			_ = c.Close()
		}
	}
}
