package datagram

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// A proxy whose upstream is itself gives up each datagram; else one would go
// round forever.
func TestUpstreamThatIsTheProxyItself(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]", ""} {
		free := listen(t, host+":0")
		port := strconv.Itoa(free.LocalAddr().(*net.UDPAddr).Port)
		_ = free.Close()
		upstream := host + ":" + port
		if host == "" {
			upstream = "localhost:" + port
		}
		p, log := start(t, Config{Listen: host + ":" + port, Upstream: upstream})
		client := dial(t, upstream)
		for range 3 {
			before := count(log, event.Close)
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			until(t, "it is given up", func() bool { return count(log, event.Close) > before })
		}
		for _, e := range log.AllEvents() {
			switch {
			case e.Kind == event.Refuse && !strings.Contains(e.Detail, "is the proxy itself"),
				e.Kind == event.Accept && !strings.HasPrefix(e.Detail, client.LocalAddr().String()):
				t.Errorf("%q: got %+v", host, e)
			}
		}
		_ = p.Close()
	}
}
