package runner

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// A window that is small from the start cuts a message before the one that is held back.
func TestShortWriteBeforeTheFault(t *testing.T) {
	window := []spec.Spec{{Name: "small_window_upstream", Type: "small_window", Direction: event.Upstream}}
	ends := []int64{6, 24, 70025, 470026}
	for _, c := range []struct {
		name    string
		faults  []spec.Spec
		carried int64
		struck  bool
		want    bool
	}{
		{"inside a message", window, 47184, false, true},
		{"between two messages", window, 24, false, false},
		{"nothing was sent", window, 0, false, false},
		{"all was sent", window, 470026, false, false},
		{"the fault struck", window, 47184, true, false},
		{"another fault", []spec.Spec{{Name: "reset_upstream", Type: "reset", Direction: event.Upstream}}, 47184, false, false},
	} {
		o := scenario.Observation{Case: scenario.Case{Role: scenario.Client, Conversation: scenario.Conversation{Upstream: scenario.Stream{Direction: event.Upstream, MessageEnds: ends}}}}
		o.Events = []event.Event{{Kind: event.Bytes, Direction: event.Upstream, Conn: 1, Bytes: c.carried}}
		if c.struck {
			o.Events = append(o.Events, event.Event{Kind: event.Struck, Toxic: "small_window_upstream"})
		}
		if got := shortBeforeFault(c.faults, o); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
}

// A client that loses bytes in a small window and gives up does not come to the fault behind it. One
// that ends between two messages, or after the server, is no such client.
func TestLossBeforeTheFault(t *testing.T) {
	faults := []spec.Spec{{Name: "window", Type: "small_window", Direction: event.Upstream}, {Name: "stall", Type: "stall", Direction: event.Upstream}}
	conversation := scenario.Conversation{Upstream: scenario.Stream{Direction: event.Upstream, MessageEnds: []int64{6, 24, 70025, 470026}}}
	for _, c := range []struct {
		name    string
		carried int64
		struck  []string
		first   event.Side
		want    outcome.Verdict
	}{
		{"inside a message", 47808, []string{"window"}, event.Client, outcome.Unsupported},
		{"between two messages", 24, []string{"window"}, event.Client, outcome.Invalid},
		{"after the server", 47808, []string{"window"}, event.Server, outcome.Invalid},
		{"without the window", 47808, nil, event.Client, outcome.Invalid},
		{"both faults struck", 47808, []string{"window", "stall"}, event.Client, outcome.Pass},
	} {
		o := scenario.Observation{Case: scenario.Case{Role: scenario.Client, Conversation: conversation}}
		for _, name := range c.struck {
			o.Events = append(o.Events, event.Event{Kind: event.Struck, Toxic: name})
		}
		o.Events = append(o.Events, event.Event{Kind: event.Bytes, Direction: event.Upstream, Conn: 1, Bytes: c.carried},
			event.Event{Kind: event.FIN, Side: c.first, Conn: 1, First: true})
		var r outcome.Result
		judgeAttempt(&r, scenario.Variant{Faults: faults}, o)
		if r.Verdict != c.want {
			t.Errorf("%s: got %s (%s), want %s", c.name, r.Verdict, r.Message, c.want)
		}
	}
}
