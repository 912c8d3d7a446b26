package explore

import (
	"context"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// openData opens the data connection of a step, where it has one. No fault strikes there.
func (t *turn) openData(ctx context.Context, i int) bool {
	ctx, cancel := context.WithTimeout(ctx, max(t.wait, time.Second))
	defer cancel()
	conn, err := t.script.OpenData(ctx, t.wire.conn, i)
	if err != nil {
		t.out.wrong = err.Error()
		t.note("client  %v", err)
		return false
	}
	if t.data, t.dataStep = conn, i; conn != nil {
		t.note("client  opens a data connection")
	}
	return true
}

// playData holds what is said on the data connection of the step, after its reply.
func (t *turn) playData(ctx context.Context) bool {
	if t.data == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	played := t.sayData(ctx)()
	err := t.script.DescribeData(t.dataStep, played)
	switch {
	case err == nil:
		t.note("client  the data connection is over")
		return true
	case played.Ending == event.Timeout:
		t.out.late = true
	default:
		t.out.wrong = err.Error()
	}
	t.note("client  %v", err)
	return false
}

// sayData returns what says all of the data connection, and leaves the turn without one.
func (t *turn) sayData(ctx context.Context) func() dialogue.Played {
	data := t.data
	t.data = nil
	return func() dialogue.Played {
		return t.script.PlayData(ctx, data, t.dataStep, event.Client, dialogue.Options{MaxReceive: int64(t.wire.bound)})
	}
}

// besideData begins to say all of the data connection, for a server that waits for it before
// it ends the first one. What it returns ends that, and waits.
func (t *turn) besideData(ctx context.Context) func() {
	if t.data == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	say := t.sayData(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { say() })
	return func() {
		cancel()
		tasks.Wait()
	}
}

// closeData closes a data connection on which nothing was said.
func (t *turn) closeData() {
	if t.data != nil {
		t.data.Close()
	}
}

// openPort opens the port that the reply of a step tells the client.
func (s *serving) openPort(ctx context.Context, i int) error {
	return s.ports.Open(s.script, i, func() (*dialogue.DataPort, error) { return dialogue.ListenBeside(ctx, s.wire.conn) })
}

// serveData accepts the client on the port of a step, and holds what is said there.
func (s *serving) serveData(ctx context.Context, i int) error {
	if s.script.Steps[i].Connect == nil {
		return nil
	}
	port, err := s.ports.Find(s.script, i)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { port.Listener.Close() })
	defer stop()
	s.waiting.Add(1)
	conn, err := port.Listener.Accept()
	s.waiting.Add(-1)
	if err != nil {
		return errEnded
	}
	s.note("client  opens a data connection")
	secured := s.script.SecureData(i, event.Server, s.wire.conn, conn.(dialogue.Conn))
	played := s.script.PlayData(ctx, secured, i, event.Server, dialogue.Options{})
	if played.OK() {
		return nil
	}
	if played.Mismatch != nil {
		s.wrong = s.script.DescribeData(i, played).Error()
	}
	return errEnded
}
