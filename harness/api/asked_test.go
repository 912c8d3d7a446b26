package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// What was asked for before is there: to ask again changes nothing.
func TestAskedAgainIsLeftAlone(t *testing.T) {
	for _, asked := range []string{"127.0.0.1:0", "localhost:0", "0.0.0.0:0", ":0", ""} {
		for _, path := range []string{"/populate", "/proxies/p"} {
			t.Run(asked+path, func(t *testing.T) { askAgain(t, asked, path) })
		}
	}
}

func askAgain(t *testing.T, asked, path string) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	body := fmt.Sprintf(`{"name":"p","listen":%q,"upstream":%q,"enabled":true}`, asked, upstream.Addr())
	must(t, 201, "POST", url+"/populate", "["+body+"]")
	_, port, _ := net.SplitHostPort(d.allViews()[0].Listen)
	open := connect(t, d, "127.0.0.1:"+port, upstream)
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"noop"}`)
	before := must(t, 200, "GET", url+"/proxies/p", "")
	if path == "/populate" {
		must(t, 201, "POST", url+path, "["+body+"]")
	} else {
		must(t, 200, "POST", url+path, body)
	}
	if after := must(t, 200, "GET", url+"/proxies/p", ""); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
	open.send(t, open.client, "still here")
	wantRead(t, open.server, "still here")
}

// A proxy that a list wants enabled or disabled becomes so.
func TestPopulateEnables(t *testing.T) {
	_, url := serve(t, Config{})
	for _, enabled := range []bool{false, true, true, false} {
		body := fmt.Sprintf(`[{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":%t}]`, enabled)
		got := must(t, 201, "POST", url+"/populate", body)
		if want := fmt.Sprintf(`"enabled":%t`, enabled); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A change that is refused leaves the proxy as it was, with its connections.
func TestRefusedChangeChangesNothing(t *testing.T) {
	d, url := serve(t, Config{})
	upstream, busy := listen(t), listen(t).Addr().String()
	addr := newProxy(t, url, "p", upstream.Addr().String())
	open := connect(t, d, addr, upstream)
	before := must(t, 200, "GET", url+"/proxies", "")
	for _, c := range []struct{ method, path, body string }{
		{"PATCH", "/proxies/p", fmt.Sprintf(`{"listen":%q}`, busy)},
		{"POST", "/populate", fmt.Sprintf(`[{"name":"n","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"},{"name":"p","listen":%q,"upstream":"127.0.0.1:1"}]`, busy)},
		{"POST", "/populate", fmt.Sprintf(`[{"name":"p","listen":%q,"upstream":"127.0.0.1:1"},{"name":"n","listen":%q,"upstream":"127.0.0.1:1"}]`, addr, busy)},
	} {
		if got := must(t, 500, c.method, url+c.path, c.body); !strings.Contains(got, "address already in use") {
			t.Errorf("got %s", got)
		}
		if after := must(t, 200, "GET", url+"/proxies", ""); after != before {
			t.Errorf("after %s %s: got %s, want %s", c.method, c.body, after, before)
		}
	}
	open.send(t, open.client, "still here")
	wantRead(t, open.server, "still here")
}

// Another upstream, or another seed too, ends the connections. The port listens all
// the while.
func TestUpstreamChangeKeepsThePort(t *testing.T) {
	for name, seeds := range map[string]int{"target": 1, "seed": 100} {
		t.Run(name, func(t *testing.T) {
			_, url := serve(t, Config{})
			upstreams := []*net.TCPListener{listen(t), listen(t)}
			addr := newProxy(t, url, "p", upstreams[0].Addr().String())
			stop, refused := make(chan struct{}), make(chan int, 1)
			go func() { refused <- countRefused(addr, stop) }()
			for i := range 40 {
				must(t, 200, "PATCH", url+"/proxies/p", fmt.Sprintf(`{"upstream":%q,"seed":%d}`, upstreams[(i+1)%2].Addr(), i%seeds))
			}
			close(stop)
			if n := <-refused; n > 0 {
				t.Errorf("%d connects were refused", n)
			}
		})
	}
}

func TestUpstreamChangeEndsConnections(t *testing.T) {
	d, url := serve(t, Config{})
	before, after := listen(t), listen(t)
	addr := newProxy(t, url, "p", before.Addr().String())
	open := connect(t, d, addr, before)
	must(t, 200, "PATCH", url+"/proxies/p", fmt.Sprintf(`{"upstream":%q}`, after.Addr()))
	wantEnding(t, "client", open.client, "", event.EOF)
	connect(t, d, addr, after)
}

func countRefused(addr string, stop <-chan struct{}) (n int) {
	for {
		select {
		case <-stop:
			return n
		default:
		}
		c, err := tryDial(addr)
		if err != nil {
			n++
			continue
		}
		_ = c.Close()
	}
}

// Toxics for the first connections are for the first that come after them.
func TestConnectionsAreCountedFromNow(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	for range 3 {
		connect(t, d, addr, upstream)
	}
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":false}`)
	must(t, 200, "PATCH", url+"/proxies/p", `{"enabled":true}`)
	got := must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"limit_data","connections":"1-2"}`)
	if !strings.Contains(got, `"connections":"1-2","after_connection":3`) {
		t.Errorf("got %s", got)
	}
	for i := range 2 {
		cut := connect(t, d, addr, upstream)
		cut.send(t, cut.server, "x")
		wantEnding(t, fmt.Sprint("client ", i), cut.client, "", event.EOF)
	}
	third := connect(t, d, addr, upstream)
	third.send(t, third.server, "served")
	wantRead(t, third.client, "served")
}

// What nobody could reach, and what is misspelt, is refused where it is written.
func TestMistakesAreFoundAtCreation(t *testing.T) {
	d, url := serve(t, Config{})
	newProxy(t, url, "there", "127.0.0.1:1")
	before := must(t, 200, "GET", url+"/proxies", "")
	for body, place := range map[string]string{
		`{"name":"p","listen":"127.0.0.1:0","upstream":"http://127.0.0.1:80"}`: `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1"}`:           `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:99999"}`:     `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:80/path"}`:   `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:80 "}`:       `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":" 127.0.0.1:80"}`:       `"upstream"`,
		`{"name":"p","listen":"127.0.0.1:0","upstream":"::1:80"}`:              `"upstream"`,
		`{"name":"p","listen":"bogus","upstream":"127.0.0.1:80"}`:              `"listen"`,
		`{"name":"p","listen":"127.0.0.1:99999","upstream":"127.0.0.1:80"}`:    `"listen"`,
		`{"name":"p","listn":"127.0.0.1:0","upstream":"127.0.0.1:80"}`:         `"listn"`,
		`{"name":"a/b","listen":"127.0.0.1:0","upstream":"127.0.0.1:80"}`:      `"name"`,
		`{"name":"..","listen":"127.0.0.1:0","upstream":"127.0.0.1:80"}`:       `"name"`,
	} {
		must(t, 400, "POST", url+"/proxies", body)
		must(t, 400, "POST", url+"/populate", "["+body+"]")
		if place != `"name"` {
			must(t, 400, "PATCH", url+"/proxies/there", body)
		}
		text := "\ufeff" + `[{"name":"first","listen":"127.0.0.1:0","upstream":"127.0.0.1:80"},` + "\n " + body + "]"
		_, err := d.PopulateFrom(context.Background(), strings.NewReader(text))
		var at *SyntaxError
		if !errors.As(err, &at) || at.Line != 2 || !strings.HasPrefix((" " + body)[at.Column-1:], place) {
			t.Errorf("%s: got %v, want the place of %s", body, err, place)
		}
	}
	if after := must(t, 200, "GET", url+"/proxies", ""); after != before {
		t.Errorf("got %s, want %s", after, before)
	}
}
