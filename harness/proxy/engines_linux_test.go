package proxy

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// engines are what carries a connection: an event loop, or goroutines.
var engines = map[string]func(*Config){
	"loop":       func(*Config) {},
	"goroutines": func(c *Config) { c.Shared = NewShared(); c.Shared.loops.unwanted = true },
}

// newEngineRig returns a rig whose connections are carried by that engine, through the
// toxics of the flags.
func newEngineRig(t *testing.T, engine string, flags ...string) *rig {
	t.Helper()
	r := newRig(t, func(c *Config) {
		c.Toxics = flagged(t, flags...)
		engines[engine](c)
		if c.Shared != nil {
			t.Cleanup(func() { _ = c.Shared.Close() })
		}
	})
	return r
}

const tenBytes = "0123456789"

// engineTests are answers through toxics of their direction, which send ten bytes and FIN.
var engineTests = map[string]struct {
	toxics string // separated by +
	want   string // what the client reads
	ending event.Ending
	events string // Struck with toxic and offset, boundaries, and ends by the proxy
}{
	"limit_data":            {"limit_data bytes=5", "01234", event.EOF, "struck 5, fin 5"},
	"limit_data whole":      {"limit_data bytes=10", tenBytes, event.EOF, "struck 10, fin 10"},
	"limit_data beyond":     {"limit_data bytes=11", tenBytes, event.EOF, ""},
	"limit_data 0":          {"limit_data bytes=0", "", event.EOF, "struck 0, fin 0"},
	"limit_data triggered":  {"limit_data bytes=2 at.byte=3", "01234", event.EOF, "struck 5, fin 5"},
	"half_close":            {"half_close at.byte=5", "01234", event.EOF, "struck 5, fin 5"},
	"half_close at once":    {"half_close", "", event.EOF, "struck 0, fin 0"},
	"half_close at 0":       {"half_close at.byte=0", "", event.EOF, "struck 0, fin 0"},
	"half_close at end":     {"half_close at.byte=10", tenBytes, event.EOF, "struck 10, fin 10"},
	"half_close beyond":     {"half_close at.byte=11", tenBytes, event.EOF, ""},
	"half_close at pattern": {"half_close at.pattern=34", "01234", event.EOF, "struck 5, fin 5"},
	"reset":                 {"reset at.byte=5", "01234", event.Reset, "struck 5, rst 5"},
	"half_close after read": {"half_close at.byte=5 after_read=true", "01234", event.EOF, "struck 5, boundary 5, fin 5"},
	"reset at eof":          {"reset at.event=eof", tenBytes, event.Reset, "struck 10, rst 10"},
	"vanish":                {"vanish at.byte=5", "01234", event.EOF, "struck 5, fin 5"},
	"slice offsets":         {"slice offsets=3,7", tenBytes, event.EOF, "boundary 3, struck 3, boundary 7"},
	"slice at end":          {"slice offsets=10", tenBytes, event.EOF, ""},
	"slice size":            {"slice size=4", tenBytes, event.EOF, "boundary 4, struck 4, boundary 8"},
	"slicer":                {"slicer average_size=4 size_variation=0 delay=10", tenBytes, event.EOF, "struck 4"},
	"bandwidth":             {"bandwidth rate=1", tenBytes, event.EOF, "struck 0"},
	"bandwidth, reset":      {"bandwidth rate=1+reset at.byte=7", "0123456", event.Reset, "struck 0, struck 7, rst 7"},
	"latency, half_close":   {"latency latency=2+half_close at.byte=5", "01234", event.EOF, "struck 0, struck 5, fin 5"},
	"slice, limit_data":     {"slice offsets=2+limit_data bytes=5", "01234", event.EOF, "boundary 2, struck 2, struck 5, fin 5"},
	"half_close, latency":   {"half_close at.byte=5+latency latency=2", "01234", event.EOF, "struck 5, struck 0, fin 5"},
}

// Toxics strike at the same bytes, say the same and end the connection alike, whatever
// carries it.
func TestEnginesAgree(t *testing.T) {
	for name, test := range engineTests {
		for engine := range engines {
			t.Run(name+"/"+engine, func(t *testing.T) {
				var flags []string
				for _, flag := range strings.Split(test.toxics, "+") {
					flags = append(flags, strings.Replace(flag+" ", " ", " direction=downstream ", 1))
				}
				r := newEngineRig(t, engine, flags...)
				client := dial(t, r.proxy.Addr().String())
				server := r.accept()
				go func() { // a server that is reset meanwhile cannot write any more
					_, _ = io.WriteString(server, tenBytes)
					_ = server.CloseWrite()
				}()
				wantEnding(t, client, test.want, test.ending)
				_ = client.Close()
				_ = server.Close()
				r.wantClosed()
				if got := r.strikes(); !sameEvents(got, test.events) {
					t.Errorf("events %q, want %q", got, test.events)
				}
				if engine == "loop" {
					r.wantNoHandOff()
				}
			})
		}
	}
}

// strikes returns what the toxics have done, in short.
func (r *rig) strikes() string {
	var all []string
	for _, e := range r.log.AllEvents() {
		switch {
		case e.Kind == event.Struck, e.Side == event.Proxy && (e.Kind == event.FIN || e.Kind == event.RST):
			all = append(all, fmt.Sprintf("%s %d", e.Kind, e.Offset))
		case e.Kind == event.BoundaryRead && e.Detail == "verified":
			all = append(all, fmt.Sprintf("boundary %d", e.Offset))
		}
	}
	return strings.Join(all, ", ")
}

// sameEvents compares lists of events. Which of two toxics says first that it has struck
// is not defined, nor whether a toxic does before a boundary that another one waits at.
func sameEvents(got, want string) bool {
	a, b := strings.Split(got, ", "), strings.Split(want, ", ")
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// What only one direction ends leaves the other one as it was.
func TestEnginesLeaveTheOtherDirection(t *testing.T) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) {
			r := newEngineRig(t, engine, "half_close direction=downstream at.byte=5")
			client, server := r.pair()
			send(t, server, tenBytes)
			wantEnding(t, client, "01234", event.EOF)
			send(t, client, "still there")
			wantRead(t, server, "still there")
			send(t, server, string(noise(200_000))) // dropped
			_ = client.CloseWrite()
			wantEnding(t, server, "", event.EOF)
			r.wantClosed()
		})
	}
}

// A chain that is edited goes on elsewhere, with what each toxic has and where it is.
func TestChainMovesInTheMiddleOfAStream(t *testing.T) {
	r := newEngineRig(t, "loop", "slice sizes=3 direction=downstream", "half_close at.byte=13 direction=downstream")
	client, server := r.pair()
	send(t, server, tenBytes)
	wantRead(t, client, tenBytes)
	r.wantNoHandOff()
	r.set(append(r.proxy.Toxics(), chainOf("noop")...)...)
	send(t, server, tenBytes)
	wantEnding(t, client, "012", event.EOF)
	_ = client.Close()
	_ = server.Close()
	r.wantClosed()
	if got := r.strikes(); !sameEvents(got, "boundary 3, struck 3, boundary 6, boundary 9, boundary 12, struck 13, fin 13") {
		t.Errorf("events %q", got)
	}
	if n := r.proxy.shared.loops.handOffs.Load(); n != 1 {
		t.Errorf("%d moves to goroutines", n)
	}
}

// A destination that takes nothing, and a source that is ahead of a rate, lose no byte.
func TestChainOfAStalledReader(t *testing.T) {
	data := noise(8 << 20)
	for _, flag := range []string{"slice offsets=100000 direction=downstream", "half_close at.byte=8388608 direction=downstream",
		"bandwidth rate=1000000 direction=downstream"} {
		t.Run(strings.Fields(flag)[0], func(t *testing.T) {
			r := newEngineRig(t, "loop", flag)
			client, server := r.pair()
			go func() {
				_, _ = server.Write(data)
				_ = server.CloseWrite()
			}()
			awaitStill(t, r)
			wantEnding(t, client, string(data), event.EOF)
			_ = client.Close()
			r.wantClosed()
		})
	}
}

// A rate slows the source down, without a goroutine.
func TestRateNeedsNoGoroutine(t *testing.T) {
	r := newEngineRig(t, "loop", "bandwidth rate=1000 direction=downstream")
	client, server := r.pair()
	data := string(noise(200_000))
	go func() {
		_, _ = io.WriteString(server, data)
		_ = server.CloseWrite()
	}()
	wantEnding(t, client, data, event.EOF)
	_ = client.Close()
	r.wantClosed()
	r.wantNoHandOff()
}
