package proxy

import (
	"math/rand/v2"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// A linkOwner is a session as its links see it.
type linkOwner session

var _ link.Owner = (*linkOwner)(nil)

// EmitEvent implements [link.Owner].
func (o *linkOwner) EmitEvent(e event.Event) { (*session)(o).emitEvent(e) }

// NoteBytes implements [link.Owner].
func (o *linkOwner) NoteBytes(e event.Event) { (*session)(o).noteBytes(e) }

// WaitKind implements [link.Owner].
func (o *linkOwner) WaitKind(k event.Kind) <-chan struct{} { return (*session)(o).waitEvent(k) }

// GetShared implements [link.Owner].
func (o *linkOwner) GetShared(key any, fresh func() any) any { return o.shared.getOrCreate(key, fresh) }

// NewRand implements [link.Owner].
func (o *linkOwner) NewRand(toxic string) *rand.Rand { return (*session)(o).toxicRand(toxic) }

// NoteFinish implements [link.Owner].
func (o *linkOwner) NoteFinish(d event.Direction, sent bool) {
	switch {
	case sent:
		o.halfCloseTimer.startChecks()
	case o.proxy.cfg.Finish != nil:
		o.proxy.cfg.Finish(o.id, d)
	}
}
