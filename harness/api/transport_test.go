package api

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/tlsconn"
)

// naming runs a server on the network that says its name and then repeats what
// it gets, and returns its address.
func naming(t *testing.T, network, name string) string {
	t.Helper()
	var l net.Listener = nil
	var err error
	if network == "unix" {
		l, err = net.Listen("unix", filepath.Join(t.TempDir(), name))
	} else {
		l = listen(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.WriteString(c, name)
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	if network == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}

// hear connects, and returns what the server says first; the connection is left open.
func hear(t *testing.T, network, addr string, n int) (net.Conn, string) {
	t.Helper()
	c, err := net.DialTimeout(network, addr, bound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(bound))
	got := make([]byte, n)
	if m, err := io.ReadFull(c, got); err != nil {
		return c, string(got[:m])
	}
	return c, string(got)
}

func fieldsOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestUnixProxies(t *testing.T) {
	_, url := serve(t, Config{})
	path := filepath.Join(t.TempDir(), "listen")
	upstream := naming(t, "unix", "redis")
	body := fmt.Sprintf(`{"name":"u","listen":"unix:%s","upstream":%q}`, path, upstream)
	created := must(t, 201, "POST", url+"/proxies", body)
	if f := fieldsOf(t, created); f["network"] != "unix" || f["listen"] != "unix:"+path || f["upstream"] != upstream {
		t.Errorf("created %s", created)
	}
	c, said := hear(t, "unix", path, 5)
	if said != "redis" {
		t.Errorf("the server said %q", said)
	}
	text := must(t, 200, "GET", url+"/connections", "")
	if !strings.Contains(text, `"client":{"address":"unix:",`) || !strings.Contains(text, `"server":{"address":"`+upstream+`"`) {
		t.Errorf("connections %s", text)
	}
	must(t, 409, "POST", url+"/proxies", body)
	if status, _, text := call(t, "POST", url+"/proxies", strings.Replace(body, `"u"`, `"v"`, 1)); status != 500 || !strings.Contains(text, "address already in use") {
		t.Errorf("a path that is taken: %d %s", status, text)
	}
	// The same again changes nothing; another path does.
	must(t, 200, "PATCH", url+"/proxies/u", body)
	must(t, 201, "POST", url+"/populate", "["+body+"]")
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("the connection was ended: %v", err)
	}
	must(t, 200, "PATCH", url+"/proxies/u", fmt.Sprintf(`{"listen":"unix:%s2"}`, path))
	if _, err := os.Lstat(path); err == nil {
		t.Error("the file is left")
	}
	must(t, 200, "PATCH", url+"/proxies/u", `{"mode":"refuse"}`)
	if _, err := net.Dial("unix", path+"2"); endingFor(err) != event.Refused {
		t.Errorf("refused: %v", err)
	}
	must(t, 200, "PATCH", url+"/proxies/u", `{"mode":"accept","listen":"127.0.0.1:0"}`)
	if f := fieldsOf(t, must(t, 200, "GET", url+"/proxies/u", "")); f["network"] != nil {
		t.Errorf("of TCP: %v", f)
	}
	must(t, 204, "DELETE", url+"/proxies/u", "")
}

func TestUpstreams(t *testing.T) {
	_, url := serve(t, Config{})
	a, b := naming(t, "tcp", "a"), naming(t, "unix", "b")
	created := fieldsOf(t, must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"p","listen":"127.0.0.1:0","upstreams":[%q,%q]}`, a, b)))
	if created["upstream"] != a || fmt.Sprint(created["upstreams"]) != fmt.Sprint([]string{a, b}) {
		t.Errorf("created %v", created)
	}
	addr := created["listen"].(string)
	order := func(n int) (order string) {
		for range n {
			c, said := hear(t, "tcp", addr, 1)
			_ = c.Close()
			order += said
		}
		return order
	}
	if got := order(4); got != "abab" {
		t.Errorf("taken in order %s", got)
	}
	// What a client of Toxiproxy saves is no change; another upstream is one.
	same := fmt.Sprintf(`{"name":"p","listen":%q,"upstream":%q,"enabled":true}`, addr, a)
	if f := fieldsOf(t, must(t, 200, "POST", url+"/proxies/p", same)); len(f["upstreams"].([]any)) != 2 {
		t.Errorf("saved %v", f)
	}
	if got := order(2); got != "ab" {
		t.Errorf("then taken in order %s", got)
	}
	dead := freeAddr(t)
	must(t, 200, "PATCH", url+"/proxies/p", fmt.Sprintf(`{"upstreams":[%q,%q],"fallback":true}`, dead, b))
	if got := order(2); got != "bb" {
		t.Errorf("with fallback taken in order %s", got)
	}
	f := fieldsOf(t, must(t, 200, "PATCH", url+"/proxies/p", fmt.Sprintf(`{"upstream":%q,"balance":"random","fallback":false}`, a)))
	if f["upstreams"] != nil || f["fallback"] != nil || f["balance"] != "random" || order(2) != "aa" {
		t.Errorf("one again: %v", f)
	}
	f = fieldsOf(t, must(t, 200, "PATCH", url+"/proxies/p", fmt.Sprintf(`{"upstreams":[%q],"balance":"in_turn"}`, b)))
	if f["upstream"] != b || f["upstreams"] != nil || f["balance"] != nil {
		t.Errorf("a list of one: %v", f)
	}
}

func TestTLSProxies(t *testing.T) {
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, Config{Authority: authority})
	upstream := naming(t, "tcp", "plain")
	addr := freeAddr(t)
	created := must(t, 201, "POST", url+"/proxies", fmt.Sprintf(
		`{"name":"p","listen":%q,"upstream":%q,"tls":{"terminate":{"generated":true,"names":["db.test"]}},"toxics":[{"type":"half_close","at":{"byte":3}}]}`, addr, upstream))
	if !strings.Contains(created, `"tls":{"terminate":{"generated":true,"names":["db.test"]}}`) {
		t.Errorf("created %s", created)
	}
	ca := must(t, 200, "GET", url+"/ca.pem", "")
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(ca)) {
		t.Fatalf("no certificate: %s", ca)
	}
	for _, name := range []string{"db.test", "asked.for.test", "127.0.0.1"} {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: name})
		if err != nil {
			t.Fatal(err)
		}
		wantEnding(t, name, c, "pla", event.EOF)
		_ = c.Close()
	}
	if f := fieldsOf(t, must(t, 200, "PATCH", url+"/proxies/p", `{"tls":{}}`)); f["tls"] != nil {
		t.Errorf("without: %v", f)
	}
	if _, said := hear(t, "tcp", addr, 3); said != "pla" {
		t.Errorf("the server said %q", said)
	}
}

func TestNoAuthorityNoCertificate(t *testing.T) {
	_, url := serve(t, Config{})
	must(t, 404, "GET", url+"/ca.pem", "")
}

func TestProxyProtocolOfProxies(t *testing.T) {
	_, url := serve(t, Config{})
	l := listen(t)
	addr := freeAddr(t)
	must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"p","listen":%q,"upstream":%q,"proxy_protocol":"v2"}`, addr, l.Addr()))
	client := dial(t, addr)
	server := accept(t, l)
	_, _ = client.Write([]byte("x"))
	got := make([]byte, 29)
	if _, err := io.ReadFull(server, got); err != nil || !strings.HasPrefix(string(got), "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c") || got[28] != 'x' {
		t.Errorf("%q, %v", got, err)
	}
	if f := fieldsOf(t, must(t, 200, "PATCH", url+"/proxies/p", `{"proxy_protocol":"none"}`)); f["proxy_protocol"] != nil {
		t.Errorf("without: %v", f)
	}
}

// What cannot be is refused on entry, and the answer names the attribute.
func TestTransportMistakes(t *testing.T) {
	_, url := serve(t, Config{})
	before := must(t, 201, "POST", url+"/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`)
	for body, want := range map[string]string{
		`{"listen":"unix:"}`: "listen: address",
		`{"upstream":"unix:` + strings.Repeat("x", 200) + `"}`:        "upstream: address",
		`{"upstreams":["a:1",""]}`:                                    "upstreams",
		`{"upstreams":["a:1","b:1"],"upstream":"c:1"}`:                "upstreams",
		`{"upstreams":"a:1"}`:                                         "upstreams",
		`{"balance":"best"}`:                                          "balance must be in_turn or random",
		`{"proxy_protocol":"v1"}`:                                     "proxy_protocol must be none or v2",
		`{"fallback":"yes"}`:                                          "fallback",
		`{"tls":true}`:                                                "tls",
		`{"tls":{"terminate":{}}}`:                                    "tls.terminate: give either certificate and key, or generated",
		`{"tls":{"terminate":{"certificate":"/none","key":"/none"}}}`: "tls.terminate.certificate",
		`{"tls":{"terminate":{"generated":true,"name":["a"]}}}`:       "unknown field",
		`{"tls":{"originate":{"ca":"/etc/passwd"}}}`:                  "tls.originate.ca",
		`{"tls":{"truncate":true}}`:                                   "tls.terminate",
		`{"listen":"udp:127.0.0.1:0","upstream":"udp:127.0.0.1:1","tls":{"originate":{"insecure":true}}}`: "apply to streams",
	} {
		status, _, answer := call(t, "PATCH", url+"/proxies/p", body)
		if status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s, want 400 and %q", body, status, answer, want)
		}
		fresh := `{"name":"q","listen":"127.0.0.1:0","upstream":"127.0.0.1:1",` + body[1:]
		if strings.Contains(body, `"upstreams":["a:1","b:1"]`) {
			fresh = strings.Replace(fresh, `"upstream":"127.0.0.1:1",`, "", 1)
		}
		if status, _, answer := call(t, "POST", url+"/proxies", fresh); status != 400 {
			t.Errorf("%s: got %d %s, want 400", fresh, status, answer)
		}
	}
	if after := must(t, 200, "GET", url+"/proxies/p", ""); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
	if text := must(t, 200, "GET", url+"/proxies", ""); strings.Contains(text, `"q"`) {
		t.Errorf("left behind: %s", text)
	}
}
