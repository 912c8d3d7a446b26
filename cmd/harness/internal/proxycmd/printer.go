package proxycmd

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// An eventPrinter prints events as they come. What the screen is too slow for is counted.
type eventPrinter struct {
	flags        *proxyFlags
	out          *cli.Terminal
	start        time.Time
	events       chan event.Event
	dropped      atomic.Int64
	outputClosed chan struct{} // closed when nobody reads the output any more
	bytes        map[uint64]*[2]int64
}

func newEventPrinter(f *proxyFlags, out *cli.Terminal) *eventPrinter {
	return &eventPrinter{flags: f, out: out, start: time.Now(), events: make(chan event.Event, 1<<14), outputClosed: make(chan struct{}), bytes: map[uint64]*[2]int64{}}
}

// addEvent takes an event. It does not block.
func (l *eventPrinter) addEvent(e event.Event) {
	e.At = time.Since(l.start)
	select {
	case l.events <- e:
	default:
		l.dropped.Add(1)
	}
}

func (l *eventPrinter) printBanner(addr string, specs []spec.Spec) {
	if l.flags.json {
		text, err := json.Marshal(map[string]any{"kind": "listen", "listen": addr, "upstream": l.flags.upstream, "seed": l.flags.seed, "schedule": l.flags.schedule})
		if err == nil {
			l.out.Printf("%s\n", text)
		}
		return
	}
	l.out.Printf("%s to %s, seed %d; stop with ^C\n", addr, l.flags.upstream, l.flags.seed)
	for _, s := range specs {
		l.out.Printf("  %s\n", toxics.FormatFlag(s))
	}
	if l.flags.schedule != "" && len(specs) > 0 {
		l.out.Printf("  schedule of what is random: %s\n", l.flags.schedule)
	}
}

// printLink tells where the live page is.
func (l *eventPrinter) printLink(link string) {
	if l.flags.json {
		if text, err := json.Marshal(map[string]any{"kind": "ui", "link": link}); err == nil {
			l.out.Printf("%s\n", text)
		}
		return
	}
	l.out.Printf("live page: %s\n", link)
}

// printLoop writes until the events are over.
func (l *eventPrinter) printLoop() {
	for e := range l.events {
		if n := l.dropped.Swap(0); n > 0 && !l.flags.json {
			l.out.Printf("%9s  %s not printed: they came faster than the output takes them\n", "", plural.Count(n, "event"))
		}
		if l.countBytes(e); e.Kind == event.Bytes && !l.flags.verbose {
			continue
		}
		l.printEvent(e)
		if l.out.Failed != nil {
			close(l.outputClosed)
			break
		}
	}
	for range l.events {
	}
}

// countBytes sums the bytes of a connection.
func (l *eventPrinter) countBytes(e event.Event) {
	switch e.Kind {
	case event.Accept:
		l.bytes[e.Conn] = new([2]int64)
	case event.Bytes:
		if sum := l.bytes[e.Conn]; sum != nil {
			sum[e.Direction] += e.Bytes
		}
	}
}

func (l *eventPrinter) printEvent(e event.Event) {
	if l.flags.json {
		text, err := json.Marshal(e)
		if err == nil {
			l.out.Printf("%s\n", text)
		}
		return
	}
	conn := ""
	if e.Conn != 0 {
		conn = fmt.Sprintf("#%d", e.Conn)
	}
	l.out.Printf("%9.3fs  %-4s %-8s %s\n", e.At.Seconds(), conn, e.Kind, l.describeEvent(e))
}

// describeEvent says in words what happened.
func (l *eventPrinter) describeEvent(e event.Event) string {
	var words []string
	switch e.Kind {
	case event.FIN, event.RST:
		words = append(words, fmt.Sprintf("by the %s, %s byte %d", e.Side, e.Direction, e.Offset))
	case event.Struck, event.BoundaryRead, event.Panic, event.CannotStrike, event.Leaked:
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s byte %d", e.Toxic, e.Direction, e.Offset)))
	case event.Bytes:
		words = append(words, fmt.Sprintf("%d %s from byte %d", e.Bytes, e.Direction, e.Offset))
	case event.Close:
		if sum := l.bytes[e.Conn]; sum != nil {
			words = append(words, fmt.Sprintf("%s upstream, %d downstream", plural.Count(sum[event.Upstream], "byte"), sum[event.Downstream]))
			delete(l.bytes, e.Conn)
		}
	}
	if e.Detail != "" {
		words = append(words, e.Detail)
	}
	return strings.Join(words, ": ")
}
