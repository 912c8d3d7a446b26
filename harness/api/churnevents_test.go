package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// killSome ends connections of a proxy in every way, until told to stop.
func killSome(d *Daemon, proxy string, stop <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		open := d.openConnections(connectionFilter{proxy: proxy})
		if len(open) == 0 {
			continue
		}
		how := []string{"end", "reset", "half_close?stream=upstream", "half_close?stream=downstream"}[i%4]
		ask(d, "POST", fmt.Sprintf("/connections/%d/%s", open[i%len(open)].ID, how), "")
	}
}

// auditEvents follows all events until told to stop, and finds those that cannot be
// true. The channel is closed when it has seen all.
func auditEvents(t *testing.T, d *Daemon, stop <-chan struct{}) <-chan struct{} {
	r, leave := d.history.follow(eventFilter{}, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer leave()
		open, last := map[uint64]bool{}, uint64(0)
		audit := func(e event.Event) {
			if e.ID != last+1 {
				t.Errorf("event %d comes after %d", e.ID, last)
			}
			last = e.ID
			switch {
			case e.Kind == event.Accept && open[e.Conn]:
				t.Errorf("connection %d was accepted twice", e.Conn)
			case e.Kind == event.Accept:
				open[e.Conn] = true
			case (e.Kind == event.Struck || e.Kind == event.Close) && e.Conn != 0 && !open[e.Conn]:
				t.Errorf("%s of connection %d, which is not open: %+v", e.Kind, e.Conn, e)
			case e.Kind == event.Close:
				delete(open, e.Conn)
			}
		}
		for ended := false; ; {
			list, lost, drained := d.history.nextEvents(r)
			if lost != nil {
				t.Errorf("the auditor was too slow for %+v", lost)
				last = lost.Last
			}
			for _, e := range list {
				audit(e)
			}
			if !drained {
				continue
			}
			if ended {
				return
			}
			select {
			case <-r.wake:
			case <-stop:
				ended = true
			}
		}
	}()
	return done
}
