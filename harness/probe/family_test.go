package probe_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/probe"
)

// TestBothFamilies: a listener on the IPv6 wildcard and one of IPv4 have names.
func TestBothFamilies(t *testing.T) {
	pids := []int{os.Getpid()}
	before, err := probe.MeasureUsage(pids)
	if err != nil {
		t.Skipf("nothing to see: %v", err)
	}
	for _, at := range []struct{ network, name string }{{"tcp4", "listener 127.0.0.1:"}, {"tcp6", "listener [::]:"}} {
		l, err := net.Listen(at.network, map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::]:0"}[at.network])
		if err != nil {
			t.Logf("no %s here: %v", at.network, err)
			continue
		}
		defer l.Close()
		after, err := probe.MeasureUsage(pids)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(after.GrowthSince(before).Opened, " "); !strings.Contains(text, at.name) {
			t.Errorf("got %q, want %q in it", text, at.name)
		}
	}
}
