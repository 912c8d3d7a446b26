package scenario

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// What the proxy ends without a fault, it ends because the run is over.
func TestFirstEnding(t *testing.T) {
	fin := func(side event.Side) event.Event {
		return event.Event{Kind: event.FIN, Side: side, First: true, Conn: 1}
	}
	struck := event.Event{Kind: event.Struck, Toxic: "half_close_downstream"}
	for name, tt := range map[string]struct {
		events []event.Event
		want   event.Side // "": none
	}{
		"the client":          {[]event.Event{fin(event.Client)}, event.Client},
		"a fault":             {[]event.Event{struck, fin(event.Proxy)}, event.Proxy},
		"the end of the run":  {[]event.Event{fin(event.Proxy)}, ""},
		"another connection":  {[]event.Event{{Kind: event.FIN, Side: event.Client, First: true, Conn: 2}}, ""},
		"no end":              {nil, ""},
		"a fault, the client": {[]event.Event{struck, fin(event.Client)}, event.Client},
	} {
		got := event.Side("")
		if e := (Observation{Events: tt.events}).FirstEnding(); e != nil {
			got = e.Side
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
