package explore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A serverSubject is a server under test: the harness is its client.
type serverSubject struct {
	options Options
	script  *dialogue.Script
	layout  *layout
	diag    *sock.Diag // nil where the system has none

	launcher *launcher
	process  *peer.Process // nil: it runs somewhere else
	way      way
	dirty    bool // it has to be started again before the next point

	state   scenario.State
	serial  string // why only one client at a time is served; empty: more are
	quick   time.Duration
	endWait time.Duration // for the end of a control conversation
	slow    time.Duration
	base    probe.Usage
	masks   []string
	ahead   bool // requests that a fault does not concern may leave together
	leaks   int  // points that were proven to leak
	unread  int  // points in a row at which it did not read, alone and with time enough
}

// The times that a server may take.
const (
	leastQuick = 40 * time.Millisecond
	mostQuick  = 2 * time.Second
	slowWait   = 2 * time.Second
	mostLanes  = 4
	chunkSize  = 256
)

func newServerSubject(o Options) (*serverSubject, error) {
	s := &serverSubject{options: o, quick: slowWait, slow: slowWait, endWait: controlEnd}
	d, err := o.Target.ParseDialogue()
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, fmt.Errorf("%w: no client talks to the server; give the target a dialogue, or --send and --expect", ErrUnusable)
	}
	if s.script, err = o.resolveScript(d); err != nil {
		return nil, err
	}
	if s.diag, err = sock.OpenDiag(); err != nil {
		s.diag = nil
	}
	return s, nil
}

func (s *serverSubject) close() {
	if s.process != nil {
		s.process.Close()
	}
	s.launcher.close()
	if s.diag != nil {
		s.diag.Close()
	}
}

// start starts the server, or finds it at its address.
func (s *serverSubject) start(ctx context.Context) error {
	var err error
	if s.launcher == nil {
		if s.launcher, err = newLauncher(s.options); err != nil {
			return err
		}
		s.script = s.launcher.secureData(s.script)
	}
	s.process, s.way, err = s.launcher.startServer(ctx)
	return err
}

// restart starts the server anew, with nothing of the one before.
func (s *serverSubject) restart(ctx context.Context) error {
	s.dirty = false
	if s.process == nil {
		return nil
	}
	s.process.KillTree()
	s.process.Close()
	s.process = nil
	if err := s.start(ctx); err != nil {
		return err
	}
	if s.state == scenario.StateProcess {
		return nil
	}
	for range 2 { // what is made for the first clients is no leak
		s.control(ctx)
	}
	s.base = s.usage()
	return nil
}

func (s *serverSubject) dialer(wait time.Duration) *dialer {
	d := &dialer{way: s.way, layout: s.layout, script: s.script, diag: s.diag, wait: wait}
	if s.state.Separate() {
		d.other = func(ctx context.Context) error { return s.otherClient(ctx, d) }
	}
	return d
}

// otherClient holds the whole conversation, as somebody else would, beside that of d.
func (s *serverSubject) otherClient(ctx context.Context, d *dialer) error {
	other := &dialer{way: s.way, layout: s.layout, script: s.script, diag: s.diag, wait: d.wait, endWait: s.endWait, watch: d.watch, ahead: d.ahead}
	return describeControl(other.play(ctx, nil))
}

// control holds the conversation without a fault.
func (s *serverSubject) control(ctx context.Context) observation {
	d := &dialer{way: s.way, script: s.script, diag: s.diag, wait: s.slow, endWait: s.endWait}
	return d.play(ctx, nil)
}

// controlEnd is how long a server may take to close after a complete conversation. One
// that does not is explored all the same: that is what will be found.
const controlEnd = 500 * time.Millisecond

func describeControl(o observation) error {
	switch {
	case o.whole:
		return nil
	case o.dialErr != nil:
		return o.dialErr
	case o.wrong != "":
		return errors.New(o.wrong)
	case o.late && len(o.received) == 0 && o.stuck != "":
		return fmt.Errorf("no byte came, and none will: %s", o.stuck)
	case o.late && len(o.received) == 0:
		return errors.New("no byte came")
	case o.late:
		return fmt.Errorf("%s came, and then nothing", plural.Count(len(o.received), "byte"))
	}
	return fmt.Errorf("%s came, then the stream ended with %q", plural.Count(len(o.received), "byte"), o.ending)
}

func (s *serverSubject) unstable() []string { return s.masks }

func (s *serverSubject) lanes(bool) int {
	if s.serial != "" || !s.state.Separate() {
		return 1
	}
	return mostLanes
}

func (s *serverSubject) chunk() int {
	if s.state == scenario.StateProcess {
		return 1
	}
	return chunkSize
}

func (s *serverSubject) play(ctx context.Context, p Point) verdict {
	d := s.dialer(s.quick)
	d.ahead = s.ahead
	o := d.play(ctx, &p)
	if s.state == scenario.StateProcess {
		s.dirty = true // one point at a time, see chunk
	}
	v := judgeServer(s.layout, p, o)
	v.suspect = v.suspect || o.unread && s.unread < enoughVerified
	return v
}
