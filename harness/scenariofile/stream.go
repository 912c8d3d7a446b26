package scenariofile

import (
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// stream returns what the steps say of the bytes of the first connection in one
// direction: up to the first that depend on what was captured, or that a pattern
// describes.
func (d *Definition) stream(f dialogue.Framing, direction event.Direction) scenario.Stream {
	w := &writer{session: &session{definition: d, framing: f, vars: newVariables()}, stream: scenario.Stream{Direction: direction}}
	w.ours = (direction == event.Upstream) == (d.Role == scenario.Server)
	w.connection = &connection{token: w.session.vars.keys.Connection()}
	w.steps(d.Steps)
	return w.stream
}

// A writer collects the bytes of a stream.
type writer struct {
	session    *session
	connection *connection
	ours       bool // what is sent, else what is expected
	stream     scenario.Stream
	ended      bool
}

func (w *writer) steps(steps []Step) {
	for _, step := range steps {
		switch {
		case w.ended:
			return
		case step.Repeat != nil:
			for range min(step.Repeat.Times, maxSweptRepeats) {
				w.steps(step.Repeat.Steps)
			}
		case step.Action != nil:
			w.action(step.Name, step.Action)
		case step.Together != nil:
			w.ended = true // their order is not known
		}
	}
}

// maxSweptRepeats bounds how much of a repetition is swept over.
const maxSweptRepeats = 100

func (w *writer) action(name string, a *Action) {
	if w.connection.name == "" {
		w.connection.name = name
	}
	if name != w.connection.name {
		return
	}
	m := a.Send
	if e := a.Expect; !w.ours {
		m = nil
		if e != nil && len(e.Options) == 1 {
			m = e.Options[0].Message
		}
	}
	if m != nil {
		w.message(m)
	}
	w.ended = w.ended || a.Close || a.Reset
}

func (w *writer) message(m *dialogue.Message) {
	p, err := w.session.messageBytes(w.connection, m, w.stream.Direction)
	if err != nil {
		w.ended = true
		return
	}
	b, err := p.SentBytes()
	if err != nil {
		w.ended = true
		return
	}
	w.stream.Bytes = append(w.stream.Bytes, b...)
	if len(b) > 0 {
		w.stream.MessageEnds = append(w.stream.MessageEnds, w.stream.ByteCount())
	}
}
