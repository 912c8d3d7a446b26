package dialogue

import (
	"fmt"
	"regexp"
	"time"

	"github.com/sockharness/harness/harness/chance"
)

// A Script is a dialogue whose payloads are fixed: what is on the wire. It does
// not change and may be played by many at once.
type Script struct {
	Name     string
	File     string // of the dialogue; for messages
	Framing  Framing
	Greeting Pattern // nil: the client speaks first
	Steps    []Step
	End      End
	Volatile []*regexp.Regexp
}

// A Step is one exchange. Send and Expect may each be empty.
type Step struct {
	Send          []byte        // what the client sends, framed
	Expect        Pattern       // what the server answers, framed
	ShutdownWrite bool          // the client half-closes after Send
	Within        time.Duration // how long the reply may take; 0: no limit of its own
	Line          int           // of the dialogue's file; 0: not from a file
}

// Script fixes the payloads. The same seed gives the same script. The n-th
// {random: …} of an exchange's send and of its expect are the same bytes if they
// have the same size, so that an echo can be written down.
func (d *Dialogue) Script(seed chance.Source) (*Script, error) {
	s := &Script{Name: d.Name, File: d.File, Framing: d.Framing, End: d.End, Volatile: d.Volatile}
	var err error
	if s.Greeting, err = d.pattern(d.Greeting, seed.Split("greeting")); err != nil {
		return nil, fmt.Errorf("%s greeting: %w", d.File, err)
	}
	for i, e := range d.Exchanges {
		step := Step{ShutdownWrite: e.ShutdownWrite, Within: e.Within, Line: e.Line}
		source := seed.Split("exchange").SplitN(uint64(i))
		if e.Send != nil {
			if step.Send, err = e.Send.Bytes(d.Framing, source.Rand()); err != nil {
				return nil, fmt.Errorf("%s:%d send: %w", d.File, e.Line, err)
			}
		}
		if step.Expect, err = d.pattern(e.Expect, source); err != nil {
			return nil, fmt.Errorf("%s:%d expect: %w", d.File, e.Line, err)
		}
		s.Steps = append(s.Steps, step)
	}
	return s, nil
}

func (d *Dialogue) pattern(m *Message, source chance.Source) (Pattern, error) {
	if m == nil {
		return nil, nil
	}
	return m.Pattern(d.Framing, source.Rand())
}
