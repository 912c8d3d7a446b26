package ui_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/scenariofile"
)

const token = "page-token"

// The page in a real browser. The parts share one: it takes a second to start.
func TestPageInChromium(t *testing.T) {
	b := startBrowser(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *browser)
	}{
		{"ClickResetsAtTheByte", clickResetsAtTheByte},
		{"ActsOnAFilter", actsOnAFilter},
		{"ProxiesAreEdited", proxiesAreEdited},
		{"OutagesAndFrames", outagesAndFrames},
		{"DatagramsAreActedOn", datagramsAreActedOn},
		{"PagesComeAndGo", pagesComeAndGo},
		{"ForeignOriginIsRefused", foreignOriginIsRefused},
		{"PageUnderAFlood", pageUnderAFlood},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, b.forTest(t)) })
	}
}

// A click on "Reset here" ends a real connection at that byte, and the page shows the
// command and the request that do the same.
func clickResetsAtTheByte(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	upstream := listen(t)
	client, server := connect(t, d.newProxy("kv", upstream), upstream)
	b.open("page", d.link(token))
	b.click("page", "#rows .pick")
	b.click("page", ".record")
	b.wait("page", ".note", "No byte was recorded yet")
	write(t, server, "HTTP/1.1 200 OK\r\n")
	wantRead(t, client, "HTTP/1.1 200 OK\r\n")
	b.wait("page", ".hex .t", "HTTP/1.1 200 OK.")
	b.fill("page", ".find", "200")
	b.do(command{Do: "press", Page: "page", At: ".find", Value: "Enter"})
	b.wait("page", ".faults-here", "byte 9 downstream")
	b.fill("page", "#reason", "to see what it does")
	b.fill("page", ".place", "20")
	b.do(command{Do: "press", Page: "page", At: ".place", Value: "Enter"})
	b.click("page", `[data-here="reset"]`)
	b.wait("page", "#acts .cli", "harness connections reset 1 --stream downstream --at 20 --host http://"+d.address)
	b.wait("page", "#acts .api", "curl -X POST 'http://"+d.address+"/connections/1/reset?stream=downstream&at=20'")
	write(t, server, "Content-Length: 12\r\n")
	wantEnd(t, client, "Con", true)
	b.wait("page", "#h-detail", "Connection 1, over")
	b.wait("page", ".fall td", "RST by the proxy downstream at byte 20")
	b.pick("page", "#which", "closed")
	b.wait("page", "#rows td", "reset by request downstream")
	checkScenario(t, b.do(command{Do: "download", Page: "page", At: "#save"}).(string), "{toxic: reset, direction: downstream, at: {byte: 20}}")
	b.wantNoErrors()
}

// checkScenario holds what the page has saved to what `harness run` accepts.
func checkScenario(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
	if _, err := scenariofile.ParseFile("saved.yaml", []byte(text)); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

// Acts on all that the filter shows leave the others alone; a reason comes into the
// log, which is shown and narrowed.
func actsOnAFilter(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	upstream := listen(t)
	kv, web := d.newProxy("kv", upstream), d.newProxy("web", upstream)
	one, oneServer := connect(t, kv, upstream)
	two, twoServer := connect(t, web, upstream)
	b.open("page", d.link(token))
	b.wait("page", "#totals", "2 open")
	b.fill("page", "#filter", "proxy=kv")
	b.wait("page", "#rows td", "kv")
	if n := b.do(command{Do: "count", Page: "page", At: "#rows tr"}); n != 1.0 {
		t.Errorf("the filter shows %v rows", n)
	}
	b.click("page", `#bulk [data-verb="stall"]`)
	b.wait("page", "#acts .cli", "harness connections stall --proxy kv --host")
	write(t, one, "held")
	write(t, two, "free")
	wantRead(t, twoServer, "free")
	b.wait("page", "#rows .light.struck", "stall by request upstream")
	b.click("page", `#bulk [data-verb="resume"]`)
	wantRead(t, oneServer, "held")
	b.fill("page", "#bulk-reason", "enough of kv")
	b.click("page", `#bulk [data-verb="end"]`)
	wantEnd(t, one, "", false)
	b.wait("page", "#events li.act", "end: enough of kv")
	b.pick("page", "#kinds", "act,struck")
	b.wait("page", "#events li.struck", "stall by request")
	b.fill("page", "#log-text", "no such words")
	b.do(command{Do: "evaluate", Page: "page", Value: "new Promise(done => { const look = () => document.querySelector('#events li') ? setTimeout(look, 20) : done(1); look() })"})
	write(t, twoServer, "lives")
	wantRead(t, two, "lives")
	b.wantNoErrors()
}

// Proxies and toxics are edited, presets are applied, and one click resets all.
func proxiesAreEdited(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	upstream := listen(t)
	b.open("page", d.link(token))
	b.click("page", "#new-proxy")
	b.fill("page", ".proxy-name", "fresh one")
	b.fill("page", ".address .upstream", upstream.Addr().String())
	b.click("page", ".address button")
	b.wait("page", ".proxy h3", "fresh one")
	b.wait("page", "#acts .cli", "harness create 'fresh one' -l 127.0.0.1:0 -u "+upstream.Addr().String())
	b.click("page", ".proxy .add")
	b.wait("page", ".toxic-form .note", "delays all data")
	b.fill("page", `[data-attribute="latency"]`, "15")
	b.pick("page", ".dir", "upstream")
	b.pick("page", ".trigger", "byte")
	b.fill("page", ".where", "3")
	b.click("page", ".toxic-form button")
	b.wait("page", ".toxics code", "latency=15 jitter=0 at.byte=3")
	b.wait("page", "#acts .cli", "harness toxic add 'fresh one' -t latency -n latency_upstream -u -a latency=15 --at byte=3 --toxicity 1")
	b.click("page", `[aria-label="Change latency_upstream"]`)
	b.wait("page", ".toxic-form legend", "Change latency_upstream")
	b.wait("page", ".toxic-form .note", "delays all data")
	b.fill("page", `[data-attribute="latency"]`, "25")
	b.click("page", ".toxic-form button")
	b.wait("page", ".toxics code", "latency=25")
	b.pick("page", ".preset", "1")
	b.wait("page", ".toxics strong", "dying_reset")
	b.pick("page", ".preset", "0")
	b.wait("page", ".toxics strong", "tunnel_stop")
	if got := d.call("GET", "/proxies", ""); !strings.Contains(got, `"name":"dying_delay"`) || !strings.Contains(got, `{"latency":25,"jitter":0}`) {
		t.Errorf("the daemon has %s", got)
	}
	checkScenario(t, b.do(command{Do: "download", Page: "page", At: "#save"}).(string), "{toxic: latency, direction: upstream, at: {byte: 3}, latency: 25, jitter: 0, distribution: uniform}")
	for page, options := range map[string]map[string]any{
		"light": {"viewport": map[string]int{"width": 1280, "height": 900}, "colorScheme": "light"}, "dark": {"viewport": map[string]int{"width": 360, "height": 740}, "colorScheme": "dark"}} {
		b.do(command{Do: "open", Page: page, URL: d.link(token), Options: map[string]any{"bypassCSP": true, "viewport": options["viewport"], "colorScheme": options["colorScheme"]}})
		b.click(page, ".proxy .add")
		b.wait(page, ".toxic-form .note", "delays all data")
		if found := b.do(command{Do: "axe", Page: page}).([]any); len(found) > 0 {
			t.Errorf("%s: axe: %v", page, found)
		}
		if wide := b.do(command{Do: "evaluate", Page: page, Value: "document.documentElement.scrollWidth > innerWidth"}); wide != false {
			t.Errorf("%s: wider than its window", page)
		}
		b.do(command{Do: "close", Page: page})
	}
	b.click("page", "#reset-all")
	b.do(command{Do: "evaluate", Page: "page", Value: "new Promise(done => { const look = () => document.querySelector('.toxics li') ? setTimeout(look, 20) : done(1); look() })"})
	if got := d.call("GET", "/proxies", ""); strings.Contains(got, "dying") {
		t.Errorf("the daemon has %s", got)
	}
	b.wantNoErrors()
}

// An outage is begun, shown and healed; a toxic strikes in a message.
func outagesAndFrames(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	d.newProxy("kv", listen(t))
	b.open("page", d.link(token))
	b.pick("page", "select.outage", "5")
	b.wait("page", "#acts .cli", "harness outage kv fail --first 1 --host")
	b.wait("page", "strong.outage", "Outage: fail, the next 1")
	if got := d.call("GET", "/proxies/kv/outage", ""); got != `{"outage":"fail","first":1}` {
		t.Errorf("the daemon has %s", got)
	}
	b.click("page", ".heal")
	b.wait("page", "#events li.outage", "healed")
	b.wait("page", "select.outage", "Outage…")
	b.click("page", ".proxy .add")
	b.wait("page", ".toxic-form .note", "delays all data")
	b.pick("page", ".trigger", "frame")
	b.fill("page", ".where", "2+1")
	b.fill("page", ".framing", "line")
	b.click("page", ".toxic-form button")
	b.wait("page", ".toxics code", `at.frame="2+1" at.framing="line"`)
	b.wait("page", "#acts .cli", "--at frame=2+1 --at framing=line")
	b.click("page", `[aria-label="Change latency_downstream"]`)
	b.wait("page", ".toxic-form .note", "delays all data")
	if at := b.do(command{Do: "evaluate", Page: "page", Value: "document.querySelector('.where').value + document.querySelector('.framing').value"}); at != "2+1line" {
		t.Errorf("the form has %v", at)
	}
	b.wantNoErrors()
}

// An association of UDP shows its datagrams, takes toxics of datagrams, and is ended.
func datagramsAreActedOn(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var made struct{ Listen string }
	if err := json.Unmarshal([]byte(d.call("POST", "/proxies", `{"name":"dns","listen":"udp:127.0.0.1:0","upstream":"udp:`+server.LocalAddr().String()+`"}`)), &made); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("udp", strings.TrimPrefix(made.Listen, "udp:"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write(t, client, "hello")
	b.open("page", d.link(token))
	b.click("page", ".proxy .add")
	b.wait("page", ".toxic-form .type option", "drop")
	b.click("page", "#rows .pick")
	b.wait("page", "#one dd", "1 datagram, 5 B sent")
	b.click("page", `#one [data-verb="stall"]`)
	b.wait("page", "#events li.act", "stall")
	b.click("page", `#one [data-verb="resume"]`)
	b.wait("page", "#events li.act", "resume")
	b.click("page", `#one [data-verb="end"]`)
	b.wait("page", "#h-detail", "over")
	b.wait("page", "#one dd", "ended by request")
	b.wantNoErrors()
}

// Two pages see the same; one that goes away in the middle leaves the other alone; and
// a page outlives the daemon, with its token or with another one.
func pagesComeAndGo(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	upstream := listen(t)
	address := d.newProxy("kv", upstream)
	b.open("one", d.link(token))
	b.open("two", d.link(token))
	client, server := connect(t, address, upstream)
	b.wait("one", "#totals", "1 open")
	b.wait("two", "#totals", "1 open")
	b.do(command{Do: "close", Page: "one"})
	_, _ = client.Close(), server.Close()
	b.wait("two", "#totals", "0 open")

	d.stop()
	b.wait("two", "#link", "does not answer")
	d = startDaemon(t, d.address, token)
	b.wait("two", "#link", "live")
	b.wait("two", "#proxy-list", "There is no proxy yet")
	_, _ = connect(t, d.newProxy("after", upstream), upstream)
	b.wait("two", "#rows td", "after")

	d.stop()
	startDaemon(t, d.address, "another")
	b.wait("two", "#link", "refuses this page")
	b.fill("two", "#token", "another")
	b.click("two", "#login button")
	b.wait("two", "#link", "live")
	if at := b.do(command{Do: "evaluate", Page: "two", Value: "location.href"}).(string); strings.Contains(at, "token") {
		t.Errorf("the address still has the token: %s", at)
	}
	b.wantNoErrors()
}

// A page of another origin gets nothing, does nothing and shows nothing, even with the
// token.
func foreignOriginIsRefused(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	d.newProxy("kv", listen(t))
	d.call("POST", "/proxies/kv/toxics", `{"type":"noop"}`)
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><iframe id="frame" src="http://%s/ui/"></iframe>`, d.address)
	}))
	defer foreign.Close()
	b.open("page", foreign.URL)
	for what, request := range map[string]string{
		"reads":             `fetch('http://%s/proxies').then(r => r.text())`,
		"reads with it":     `fetch('http://%s/proxies', {headers: {Authorization: 'Bearer page-token'}}).then(r => r.text())`,
		"resets":            `fetch('http://%s/reset', {method: 'POST', mode: 'no-cors'}).then(r => r.text())`,
		"sees it in frames": `new Promise(done => setTimeout(done, 0)).then(() => frame.contentDocument ? frame.contentDocument.body.textContent : '') || 'http://%s'`,
	} {
		got := b.do(command{Do: "evaluate", Page: "page", Value: fmt.Sprintf(request, d.address) + ".catch(e => '')"})
		if got != "" && got != nil {
			t.Errorf("the foreign page %s: %v", what, got)
		}
	}
	if got := d.call("GET", "/proxies/kv", ""); !strings.Contains(got, "noop") {
		t.Errorf("the foreign page has changed the daemon: %s", got)
	}
	if said := fmt.Sprint(b.do(command{Do: "errors"})); !strings.Contains(said, "frame-ancestors") {
		t.Errorf("nothing was said of the frame: %s", said)
	}
}

// A thousand connections and a flood of events: the page shows a bounded part, says
// how much it leaves out, and still does what is clicked.
func pageUnderAFlood(t *testing.T, b *browser) {
	d := startDaemon(t, "127.0.0.1:0", token)
	upstream := listen(t)
	address := d.newProxy("kv", upstream)
	const open = 1000
	var servers []net.Conn
	for range open - 1 {
		_, server := connect(t, address, upstream)
		servers = append(servers, server)
	}
	last, _ := connect(t, address, upstream)
	stop := make(chan struct{})
	flood := make(chan struct{})
	go func() { // five events a connection
		defer close(flood)
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			if s, err := upstream.Accept(); err == nil {
				_ = s.Close()
			}
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	defer func() { close(stop); <-flood }()
	b.open("page", d.link(token))
	b.wait("page", "#skipped", "events came too fast")
	b.do(command{Do: "evaluate", Page: "page", Value: "table.scrollTop = 1e6"})
	b.wait("page", `#rows [data-id="1"] .pick`, "1")
	b.fill("page", "#filter", "client="+last.LocalAddr().String())
	b.do(command{Do: "evaluate", Page: "page", Value: "new Promise(done => { const look = () => document.querySelectorAll('#rows tr').length === 1 ? done(1) : setTimeout(look, 20); look() })"})
	b.click("page", "#rows .pick")
	b.click("page", `#one [data-verb="reset"]`)
	wantEnd(t, last, "", true)
	size := b.do(command{Do: "evaluate", Page: "page", Value: "document.querySelectorAll('#rows tr, #events li').length"}).(float64)
	if size > 200 {
		t.Errorf("the page holds %v rows", size)
	}
	write(t, servers[0], "x")
	b.wantNoErrors()
}
