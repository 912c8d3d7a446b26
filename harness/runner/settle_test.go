package runner

import (
	"bufio"
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A server asks a service that serves one client at a time. The service is busy for longer than a
// variant and its confirmations may take.
func TestServerBehindABusyServiceIsNotAccused(t *testing.T) {
	const busy = 3 * time.Second
	var service sync.Mutex
	var connections atomic.Int64
	r := splittingOnly(t, func(conn net.Conn) {
		if connections.Add(1) == 3 { // the first after the two controls
			service.Lock()
			time.AfterFunc(busy, service.Unlock)
		}
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			service.Lock()
			answer := bytes.ToUpper(line)
			service.Unlock()
			if _, err := conn.Write(answer); err != nil {
				return
			}
		}
	})
	want(t, r, outcome.Pass, "passed with twice the time")
}

// A timeout that could not be confirmed says nothing about the peer.
func TestUnconfirmedForTime(t *testing.T) {
	for _, c := range []struct {
		name  string
		first attempt
		want  outcome.Verdict
	}{
		{"late", attempt{Result: outcome.Result{Verdict: outcome.Fail}, timedOut: true}, outcome.Unsupported},
		{"late and not struck", attempt{Result: outcome.Result{Verdict: outcome.Invalid}, timedOut: true}, outcome.Unsupported},
		{"another conversation late", attempt{Result: outcome.Result{Verdict: outcome.Fail}, late: true}, outcome.Unsupported},
		{"wrong bytes", attempt{Result: outcome.Result{Verdict: outcome.Fail}}, outcome.Fail},
		{"a pass", attempt{Result: outcome.Result{Verdict: outcome.Pass}, late: true}, outcome.Pass},
	} {
		p := &scenarioRun{tc: scenario.Case{Role: scenario.Server}}
		if got := p.unconfirmedForTime(c.first); got.Verdict != c.want {
			t.Errorf("%s: got verdict %s, want %s", c.name, got.Verdict, c.want)
		}
	}
}
