package proxy

import (
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// A proxy does not dial itself: each connection would make another one.
func TestUpstreamThatIsTheProxyItself(t *testing.T) {
	for name, listen := range map[string]string{"literal": "127.0.0.1:0", "any": "0.0.0.0:0"} {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			t.Run(name+" "+host, func(t *testing.T) {
				r := newRig(t, func(c *Config) { c.Listen = listen })
				_, port, err := net.SplitHostPort(r.proxy.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				r.proxy.SetUpstream(net.JoinHostPort(host, port))
				c := dial(t, net.JoinHostPort("127.0.0.1", port))
				if n, err := c.Read(make([]byte, 1)); err == nil {
					t.Errorf("read %d bytes, want the end", n)
				}
				r.wantClosed()
				accepted, said := 0, false
				for _, e := range r.log.AllEvents() {
					said = said || strings.Contains(e.Detail, "the upstream is the proxy itself")
					if e.Kind == event.Accept {
						accepted++
					}
				}
				if accepted != 1 || !said {
					t.Errorf("got %d connections, and said so: %v", accepted, said)
				}
			})
		}
	}
}
