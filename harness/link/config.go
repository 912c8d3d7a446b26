package link

import (
	"math/rand/v2"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// An Attacher is a toxic that needs more of a link than its chunks. The link
// calls Attach once for each connection and runs what it returns, again and
// again over the interruptions by which chains are edited.
type Attacher interface {
	toxics.Toxic
	Attach(hook.Link) toxics.Toxic
}

// A Stage is a toxic as it is asked for. Two stages are the same one, across an
// update, when name, type of toxic and buffer size are equal; then its stub,
// with the toxic's state and the chunks in its buffer, is kept.
type Stage struct {
	Name       string       // name of the toxic on its proxy
	Toxic      toxics.Toxic // what runs
	BufferSize int          // capacity of the toxic's input, in chunks
}

// Config says what a link is made of. It must not be modified after [New].
type Config struct {
	Direction event.Direction // which direction of the connection it carries
	Conn      uint64          // number of the connection on its proxy, from 1
	Source    *Side           // the side that it reads from
	Dest      *Side           // the side that it writes to
	Pool      *Pool           // buffers and pipes, shared by links

	Owner    Owner         // the connection, which is told of events and ends
	Diag     *sock.Diag    // asks the kernel about the peers; nil: it cannot tell
	Tap      *Tap          // records what is sent, which the kernel cannot carry alone then
	Record   func(Passage) // takes what passes, which the kernel cannot carry alone then; nil: nobody asks. Must not block
	Patience *Timeouts     // nil: the defaults
}

// An Owner is who has a link: the connection. Its methods must not block.
type Owner interface {
	EmitEvent(event.Event)                   // takes every event but Bytes
	NoteBytes(event.Event)                   // takes the Bytes events
	WaitKind(event.Kind) <-chan struct{}     // serves [hook.Link]
	GetShared(key any, fresh func() any) any // serves [hook.SharedState]
	NewRand(toxic string) *rand.Rand         // serves [hook.Link]
	NoteFinish(d event.Direction, sent bool) // called right before FIN is sent to the destination, and once it was
}

// Timeouts bounds the waits of a link. Zero takes the default.
type Timeouts struct {
	Boundary time.Duration // for the receiver to read up to a boundary; 2 s
	Gap      time.Duration // instead of it, where nobody can tell what the receiver read; 20 ms
	Consume  time.Duration // for the receiver to read everything before it is reset; 2 s
	Progress time.Duration // without any progress of a stream that ends; 250 ms
	Toxic    time.Duration // for a toxic to return when the connection is torn down; 5 s
}

// WithDefaults returns the timeouts with the defaults for those that are not set.
func (p Timeouts) WithDefaults() Timeouts {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&p.Boundary, 2 * time.Second}, {&p.Gap, 20 * time.Millisecond}, {&p.Consume, 2 * time.Second},
		{&p.Progress, 250 * time.Millisecond}, {&p.Toxic, 5 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return p
}
