package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// An association ends that is idle for longer than the proxy was told, and one
// that is too large makes the oldest go.
func TestLimitsOfDatagrams(t *testing.T) {
	_, url := serve(t, Config{})
	events := subscribe(t, url+"/events?proxy=d")
	addr := newDatagrams(t, url, capitals(t), `,"idle":"20ms"`)
	if got := must(t, 200, "GET", url+"/proxies/d", ""); !strings.Contains(got, `"idle":20`) {
		t.Errorf("got %s", got)
	}
	if _, err := dialDatagrams(t, addr).Write([]byte("one")); err != nil { // its answer may come too late
		t.Fatal(err)
	}
	if got := kinds(t, events, event.Close); !strings.Contains(got, " expire ") {
		t.Errorf("got events %s", got)
	}
	must(t, 200, "PATCH", url+"/proxies/d", `{"idle":-1,"associations":1}`)
	must(t, 200, "PATCH", url+"/proxies/d", `{"idle":null}`)
	if got := must(t, 200, "GET", url+"/proxies/d", ""); !strings.Contains(got, `"idle":-1,"associations":1,`) {
		t.Errorf("got %s", got)
	}
	first, second := dialDatagrams(t, addr), dialDatagrams(t, addr)
	askUDP(t, first, "one", "ONE")
	askUDP(t, second, "two", "TWO")
	if got := kinds(t, events, event.Close); !strings.Contains(got, " expire ") || strings.Count(got, "accept") != 2 {
		t.Errorf("got events %s", got)
	}
	var list []connection
	until(t, "one is left", func() bool {
		_ = json.Unmarshal([]byte(must(t, 200, "GET", url+"/connections", "")), &list)
		return len(list) == 1 && list[0].Client.Address == second.LocalAddr().String()
	})
	if got := must(t, 200, "PATCH", url+"/proxies/d", `{"idle":0,"associations":0}`); strings.Contains(got, "idle") || strings.Contains(got, "associations") {
		t.Errorf("got %s", got)
	}
}

// What a half-closed connection is left in peace for, and what a client meets
// while its upstream is down, is for users to say, and lives in the configuration.
func TestLimitsOfStreams(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "s", upstream.Addr().String())
	must(t, 200, "PATCH", url+"/proxies/s", `{"half_close_idle":10}`)
	client := dial(t, addr)
	server := accept(t, upstream)
	_ = client.CloseWrite()
	wantEnding(t, "server", server, "", event.EOF)
	if _, ending := endingOf(client); ending != event.EOF && ending != event.Reset { // an idle one is ended, the server is asked nothing
		t.Errorf("client got %s", ending)
	}
	must(t, 200, "PATCH", url+"/proxies/s", `{"half_close_idle":"1h","upstream_down":"reset"}`)
	_ = upstream.Close()
	if c, err := tryDial(addr); err == nil {
		wantEnding(t, "client", c, "", event.Reset)
		_ = c.Close()
	} else if endingFor(err) != event.Reset { // it may come before connect returns
		t.Error(err)
	}
	must(t, 200, "PATCH", url+"/proxies/s", `{"upstream_down":"refuse"}`)
	until(t, "connects are refused", func() bool {
		c, err := tryDial(addr)
		if err == nil {
			_ = c.Close()
		}
		return endingFor(err) == event.Refused
	})
	must(t, 200, "PATCH", url+"/proxies/s", `{"upstream_down":"reset"}`)

	if got := must(t, 200, "GET", url+"/config", ""); !strings.Contains(got, `"half_close_idle":3600000,"upstream_down":"reset"`) {
		t.Errorf("got %s", got)
	}
	list := must(t, 200, "GET", url+"/config", "")
	must(t, 204, "DELETE", url+"/proxies/s", "")
	if n, err := d.PopulateFrom(t.Context(), strings.NewReader(list)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := must(t, 200, "GET", url+"/config", ""); got != list {
		t.Errorf("got %s, want %s", got, list)
	}
	// The original's clients, who know nothing of it, change nothing by saying nothing.
	must(t, 201, "POST", url+"/populate", fmt.Sprintf(`[{"name":"s","listen":%q,"upstream":%q}]`, addr, upstream.Addr()))
	must(t, 200, "POST", url+"/proxies/s", `{"enabled":true,"upstream_down":"close"}`)
	wantEnding(t, "client", dial(t, addr), "", event.EOF)
}

func TestLimitsAreChecked(t *testing.T) {
	_, url := serve(t, Config{})
	newDatagrams(t, url, capitals(t), "")
	newProxy(t, url, "s", freeAddr(t))
	for _, test := range [][3]string{
		{"d", `{"idle":-2}`, "idle must be -1 to 4611686018427, got -2"},
		{"d", `{"idle":"soon"}`, `idle must be milliseconds such as 200 or 1.5s, or -1 for no limit, got \"soon\"`},
		{"d", `{"idle":"1ns"}`, "idle must be whole milliseconds"},
		{"d", `{"idle":1.5}`, "idle must be milliseconds"},
		{"d", `{"idle":9223372036854775807}`, "idle must be -1 to"},
		{"d", `{"idle":[]}`, "idle must be milliseconds"},
		{"d", `{"associations":-1}`, "associations must be 0 to 1048576, got -1"},
		{"d", `{"associations":true}`, "associations must be a whole number, got true"},
		{"d", `{"half_close_idle":5}`, "half_close_idle and upstream_down apply to streams only"},
		{"d", `{"upstream_down":"reset"}`, "half_close_idle and upstream_down apply to streams only"},
		{"s", `{"idle":5}`, "idle and associations apply to datagrams"},
		{"s", `{"associations":5}`, "idle and associations apply to datagrams"},
		{"s", `{"upstream_down":"gone"}`, `upstream_down must be close, reset or refuse, got \"gone\"`},
	} {
		if got := must(t, 400, "PATCH", url+"/proxies/"+test[0], test[1]); !strings.Contains(got, test[2]) {
			t.Errorf("%s: got %s, want %s", test[1], got, test[2])
		}
	}
}
