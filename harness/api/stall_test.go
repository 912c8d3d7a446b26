package api

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// useAll does everything that the API can do to a proxy and its neighbours,
// while something on it is stalled.
func useAll(t *testing.T, url, name string) {
	t.Helper()
	for _, body := range []string{`{"type":"noop"}`, `{"type":"latency","attributes":{"latency":1}}`, `{"type":"slicer","attributes":{"average_size":100}}`,
		`{"type":"bandwidth","attributes":{"rate":1000}}`, `{"type":"slow_close"}`, `{"type":"coalesce"}`, `{"type":"slice"}`} {
		must(t, 200, "POST", url+"/proxies/"+name+"/toxics", strings.Replace(body, "{", `{"name":"t",`, 1))
		must(t, 200, "PATCH", url+"/proxies/"+name+"/toxics/t", `{"toxicity":0.5}`)
		must(t, 200, "GET", url+"/proxies", "")
		must(t, 204, "DELETE", url+"/proxies/"+name+"/toxics/t", "")
	}
	must(t, 200, "GET", url+"/connections", "")
	must(t, 201, "POST", url+"/proxies", `{"name":"neighbour","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`)
	must(t, 200, "PATCH", url+"/proxies/neighbour", `{"enabled":false}`)
	must(t, 204, "POST", url+"/reset", "")
	must(t, 201, "POST", url+"/populate", `[{"name":"neighbour","listen":"127.0.0.1:0","upstream":"127.0.0.1:2"}]`)
	must(t, 204, "DELETE", url+"/proxies/neighbour", "")
}

// echo answers each connection with what it sends.
func echo(t *testing.T, l *net.TCPListener) {
	t.Helper()
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			all.Go(func() {
				_ = c.SetDeadline(time.Now().Add(2 * bound))
				_, _ = io.Copy(c, c)
				_ = c.Close()
			})
		}
	})
}

func TestStalledReaderStallsNobody(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	stalled := connect(t, d, addr, upstream)
	blocked := make(chan error, 1)
	sent := make(chan int64, 1)
	go func() {
		data := bytes.Repeat([]byte("0123456789abcdef"), 4096)
		var n int64
		for {
			_ = stalled.server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			written, err := stalled.server.Write(data)
			if n += int64(written); err != nil {
				sent <- n
				blocked <- err
				return
			}
		}
	}()
	total := <-sent
	if endingFor(<-blocked) != event.Timeout {
		t.Fatal("the server was not stalled")
	}
	useAll(t, url, "p")
	other := connect(t, d, addr, upstream)
	other.send(t, other.client, "through")
	wantRead(t, other.server, "through")
	_ = stalled.server.CloseWrite()
	n, err := io.Copy(io.Discard, stalled.client)
	if err != nil || n != total {
		t.Errorf("client read %d bytes, %v, want %d", n, err, total)
	}
}

func TestStalledReaderDelaysNoDelete(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	stalled := connect(t, d, addr, upstream)
	_ = stalled.server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = stalled.server.Write(make([]byte, 64<<20))
	must(t, 204, "DELETE", url+"/proxies/p", "")
	must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"p","listen":%q,"upstream":%q}`, addr, upstream.Addr()))
	next := connect(t, d, addr, upstream)
	next.send(t, next.client, "again")
	wantRead(t, next.server, "again")
}

func TestBlackHoledUpstreamStallsNobody(t *testing.T) {
	hole, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hole.Close() })
	if err := hole.BlackHole(); err != nil {
		t.Skip("NOT PROVEN here: this system cannot swallow connects: ", err)
	}
	_, url := serve(t, Config{})
	addr := newProxy(t, url, "p", hole.Addr().String())
	var clients []*net.TCPConn
	for range 5 {
		clients = append(clients, dial(t, addr))
	}
	until(t, "all five are being dialled", func() bool {
		return strings.Count(must(t, 200, "GET", url+"/connections", ""), `"server":{"address":""`) == 5
	})
	useAll(t, url, "p")
	must(t, 204, "DELETE", url+"/proxies/p", "")
	for _, c := range clients {
		wantEnding(t, "client", c, "", event.EOF)
	}
}

func TestSlowBodyStallsNobody(t *testing.T) {
	d, url := serve(t, Config{})
	upstream := listen(t)
	addr := newProxy(t, url, "p", upstream.Addr().String())
	must(t, 200, "POST", url+"/proxies/p/toxics", `{"type":"noop","name":"slow"}`)
	var slow []*net.TCPConn
	for _, path := range []string{"POST /proxies", "POST /populate", "POST /proxies/p", "POST /proxies/p/toxics", "PATCH /proxies/p/toxics/slow"} {
		c := dial(t, strings.TrimPrefix(url, "http://"))
		if _, err := fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n{\"name\":", path); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	useAll(t, url, "p")
	p := connect(t, d, addr, upstream)
	p.send(t, p.client, "through")
	wantRead(t, p.server, "through")
	for _, c := range slow {
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
}

// One request at a time has a name; no other one waits forever, or shares it.
func TestNamesAreClaimed(t *testing.T) {
	_, url := serve(t, Config{})
	statuses := make(chan int, 20)
	for range cap(statuses) {
		go func() {
			status, _, _ := call(t, "POST", url+"/proxies", `{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`)
			statuses <- status
		}()
	}
	count := map[int]int{}
	for range cap(statuses) {
		count[<-statuses]++
	}
	if count[201] != 1 || count[409] != cap(statuses)-1 {
		t.Errorf("got %v, want one 201 and 409 else", count)
	}
}
