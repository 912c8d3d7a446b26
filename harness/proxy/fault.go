package proxy

import (
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// watchSuffix ends the name of what watches for a toxic.
const watchSuffix = " (watch)"

// FromToxic returns what a toxic of the catalogue puts into the connections of a
// proxy: itself, and in the opposite direction what watches on its behalf.
func FromToxic(t toxics.Toxic) []Toxic {
	fault := Toxic{Name: t.Name, Toxic: t.Instance, BufferSize: t.BufferSize, Direction: t.Direction,
		Toxicity: t.Toxicity, Connection: t.Connection, LastConnection: t.LastConnection, Window: t.Window, Refuse: t.Refuse}
	if t.Seed != nil {
		source := seed.New(*t.Seed)
		fault.Seed = &source
	}
	if t.Watch == nil {
		return []Toxic{fault}
	}
	watch := Toxic{Name: t.Name + watchSuffix, Toxic: t.Watch, Direction: t.Direction.Opposite(),
		Toxicity: 1, Connection: t.Connection, LastConnection: t.LastConnection}
	return []Toxic{fault, watch}
}

// appliesTo reports whether the toxic is for the connection of that number.
func (t Toxic) appliesTo(id uint64) bool {
	return spec.HasConnection(t.Connection, t.LastConnection, t.After, id)
}

// withWindows returns the windows of the sockets to clients and to the upstream, made
// as small as the toxics want them.
func withWindows(onListen, onDial hook.SocketLimits, list []Toxic) (hook.SocketLimits, hook.SocketLimits) {
	for _, t := range list {
		if t.Direction == event.Upstream {
			onListen = onListen.Smaller(t.Window)
		} else {
			onDial = onDial.Smaller(t.Window)
		}
	}
	return onListen, onDial
}
