package datagram

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

// An upstream where nobody listens is told of, stops nothing, and is used once it
// is there. The client is told where the system allows it.
func TestUpstreamDead(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		dead := listen(t, host)
		addr := dead.LocalAddr().String()
		_ = dead.Close()
		p, log := start(t, Config{Listen: host, Upstream: addr})
		client := dial(t, p.Addr().String())
		send(t, client, []byte("lost"))
		e := wait(t, log, event.PortUnreachable)
		if e.Side != event.Server || e.Conn != 1 || !strings.Contains(e.Detail, "connection refused") {
			t.Errorf("got %+v", e)
		}
		if strings.HasSuffix(e.Detail, "the client gets an ICMP error") {
			if _, err := client.Read(make([]byte, 10)); !refused(err) {
				t.Errorf("read %v, want ECONNREFUSED", err)
			}
		} else if os.Getuid() == 0 && runtime.GOOS == "linux" {
			t.Errorf("got %q, though we may open raw sockets", e.Detail)
		} else {
			t.Log("NOT PROVEN without the privilege of raw sockets: the client gets an ICMP error")
		}
		server := listen(t, addr)
		for i := range 5 { // none of these is lost for an error that was about another
			send(t, client, fmt.Append(nil, i))
			reply(t, server, want(t, server, fmt.Append(nil, i)), fmt.Append(nil, i))
			want(t, client, fmt.Append(nil, i))
		}
		_ = server.Close()
		for range 3 {
			_, _ = client.Write([]byte("lost")) // may report the last one
		}
		until(t, "more bounces", func() bool { return count(log, event.PortUnreachable) >= 3 })
	}
}

// A name that cannot be looked up costs the datagrams that wait for it, not the
// proxy.
func TestUpstreamUnknown(t *testing.T) {
	noGoroutines(t)
	p, log := start(t, Config{Upstream: "127.0.0.1:nobody-has-this-port"})
	client := dial(t, p.Addr().String())
	send(t, client, []byte("x"))
	if e := wait(t, log, event.Close); !strings.Contains(e.Detail, "could not be reached") {
		t.Errorf("got %+v", e)
	}
	until(t, "it is forgotten", func() bool { return len(p.OpenAssociations()) == 0 })
	_ = p.Close()
}

// A query and its answer get through a third of loss, by the patience of the
// client: what a resolver does (RFC 1035 §4.2.1).
func TestResolverThroughLoss(t *testing.T) {
	const queries, tries = 50, 30
	server := listen(t, "127.0.0.1:0")
	p, log := start(t, Config{Upstream: server.LocalAddr().String(), Seed: seed.New(1),
		Toxics: makeAll(t, "drop toxicity=0.3 direction=upstream", "drop toxicity=0.3")})
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := server.ReadFromUDP(b)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDP(append(b[:2:2], bytes.ToUpper(b[2:n])...), from)
		}
	}()
	client := dial(t, p.Addr().String())
	asked := 0
	for q := range queries {
		id := []byte{byte(rand.Uint32()), byte(q)}
		for try := 0; ; try++ {
			if try == tries {
				t.Fatalf("query %d was not answered", q)
			}
			asked++
			send(t, client, append(id, "example"...))
			if string(resolve(client, id)) == "EXAMPLE" {
				break
			}
		}
	}
	lost := int(count(log, event.Struck))
	t.Logf("%d queries took %d datagrams, %d were lost", queries, asked, lost)
	if asked == queries || lost == 0 {
		t.Error("nothing was lost")
	}
	_ = server.Close()
}

// resolve returns the answer to a query, nil when none comes.
func resolve(c *net.UDPConn, id []byte) []byte {
	b := make([]byte, 512)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	for {
		n, err := c.Read(b)
		if err != nil {
			return nil
		}
		if n >= 2 && bytes.Equal(b[:2], id) {
			return b[2:n]
		}
	}
}
