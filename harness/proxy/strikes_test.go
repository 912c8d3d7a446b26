package proxy

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// strikes are attributes with which each toxic of the catalogue takes effect on an answer
// of ten bytes and its end, and those with which it cannot. A trigger far away is such a
// case for all that have one.
var strikes = map[string]struct {
	does, cannot map[string]any
	untriggered  bool // it has no trigger
}{
	"noop":         {}, // it says that the stream got there
	"latency":      {does: map[string]any{"latency": 1}, cannot: map[string]any{"latency": 0}},
	"bandwidth":    {does: map[string]any{"rate": 1}, cannot: nil},
	"slicer":       {does: map[string]any{"average_size": 3}, cannot: map[string]any{"average_size": 1000}},
	"limit_data":   {does: map[string]any{"bytes": 5}, cannot: map[string]any{"bytes": 5000}},
	"slow_close":   {does: map[string]any{"delay": 1}, cannot: map[string]any{"delay": 0}},
	"timeout":      {does: map[string]any{"timeout": 1}},
	"reset_peer":   {does: map[string]any{"timeout": 0}},
	"limit_time":   {does: map[string]any{"time": 0}, cannot: map[string]any{"time": 3600_000}},
	"half_close":   {},
	"reset":        {},
	"vanish":       {},
	"stall":        {does: map[string]any{"duration": 1}},
	"slice":        {does: map[string]any{"sizes": []any{1, 2}}, cannot: map[string]any{"sizes": []any{5000}}},
	"coalesce":     {does: map[string]any{"bytes": 10}},
	"corrupt":      {},
	"inject":       {does: map[string]any{"data": "56", "match": "345"}, cannot: map[string]any{"match": "never"}},
	"packet_loss":  {does: map[string]any{"loss_rate": 1, "rto": 1}, cannot: map[string]any{"loss_rate": 0}},
	"small_window": {does: map[string]any{"receive_buffer": 4096}, untriggered: true},
	"unplug":       {does: map[string]any{"duration": 1}},
	"refuse":       {untriggered: true},
}

// answerThrough has ten bytes and the end of an answer go through a toxic, and returns
// whether that has struck once the connection is over.
func answerThrough(t *testing.T, spec spec.Spec) bool {
	t.Helper()
	spec.Direction = event.Downstream
	m, err := toxics.MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, with(FromToxic(m)...))
	client, err := tryDial(r.proxy.Addr().String())
	if err != nil {
		return r.hasStruck(m.Name) // it was reset that soon
	}
	server := r.accept()
	go func() { // a server that is reset meanwhile cannot write any more
		_, _ = io.WriteString(server, "01234")
		awaitReceived(r.proxy, 5)
		_, _ = io.WriteString(server, "56789")
		_ = server.CloseWrite()
	}()
	_ = client.SetReadDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.ReadAll(client); err != nil {
		t.Logf("%s %v: %v", spec.Type, spec.Attributes, err)
	}
	_ = client.Close()
	_ = server.Close()
	return r.hasStruck(m.Name)
}

// awaitReceived waits until the proxy has taken that much of an answer, so that more
// comes in a read of its own, or for as long as it may be before it never will.
func awaitReceived(p *Proxy, n int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(2 * time.Second); p.TotalTraffic(event.Downstream).Received < n && time.Now().Before(end); {
		<-tick.C
	}
}

// hasStruck reports whether a toxic has, once the proxy is closed.
func (r *rig) hasStruck(toxic string) bool {
	_ = r.proxy.CloseNow()
	return slices.ContainsFunc(r.log.AllEvents(), func(e event.Event) bool { return e.Kind == event.Struck && e.Toxic == toxic })
}

// Of every toxic of the catalogue there is a conversation in which it strikes, and one in
// which it cannot and says nothing of the kind.
func TestStruckMeansStruck(t *testing.T) {
	for _, kind := range toxics.Catalogue() {
		test, known := strikes[kind.Name]
		if !known {
			t.Errorf("%s: no case in which it strikes, and none in which it cannot", kind.Name)
			continue
		}
		if kind.Name == "refuse" {
			continue // it is the port's, see TestRefuseIsNoToxicOfALink
		}
		t.Run(kind.Name, func(t *testing.T) {
			if got := answerThrough(t, spec.Spec{Type: kind.Name, Attributes: test.does}); !got {
				t.Error("it has not struck")
			}
			if test.cannot != nil && answerThrough(t, spec.Spec{Type: kind.Name, Attributes: test.cannot}) {
				t.Errorf("struck with %v", test.cannot)
			}
			if !test.untriggered && answerThrough(t, spec.Spec{Type: kind.Name, Attributes: test.does, At: at(5000)}) {
				t.Error("struck before its trigger")
			}
		})
	}
}

// A connection that ends before a limit, by whatever, has not met it.
func TestEndBeforeTheLimitIsNoStrike(t *testing.T) {
	limits := []string{"limit_data bytes=5000", "limit_time time=3600000", "reset at.byte=5000", "half_close at.byte=5000", "vanish at.pattern=never",
		"timeout timeout=3600000 at.byte=5000", "reset_peer timeout=3600000", "corrupt at.byte=5000"}
	for name, end := range map[string]func(t *testing.T, r *rig){
		"closed":  func(_ *testing.T, r *rig) { _ = r.proxy.CloseNow() },
		"drained": func(_ *testing.T, r *rig) { _ = r.proxy.Close() },
		"ended":   func(_ *testing.T, r *rig) { r.proxy.EndConnections(TerminateClose, nil) },
		"reset":   func(_ *testing.T, r *rig) { r.proxy.EndConnections(TerminateReset, nil) },
		"removed": func(_ *testing.T, r *rig) { r.set(); r.proxy.EndConnections(TerminateClose, nil) },
	} {
		for _, limit := range limits {
			t.Run(name+"/"+strings.Fields(limit)[0], func(t *testing.T) {
				spec, err := toxics.ParseFlag(limit)
				if err != nil {
					t.Fatal(err)
				}
				m, err := toxics.MakeToxic(spec)
				if err != nil {
					t.Fatal(err)
				}
				r := newRig(t, with(FromToxic(m)...))
				client, server := r.pair()
				send(t, server, "7 bytes")
				if !strings.HasPrefix(limit, "reset_peer") {
					wantRead(t, client, "7 bytes")
				} else {
					until(t, "it has come", func() bool { return r.proxy.TotalTraffic(event.Downstream).Received == 7 })
				}
				end(t, r)
				r.wantClosed()
				_ = r.proxy.CloseNow()
				for _, e := range r.log.AllEvents() {
					if e.Kind == event.Struck {
						t.Errorf("struck: %+v", e)
					}
				}
			})
		}
	}
}
