package proxy

import (
	"github.com/sockharness/harness/harness/chance"
	"github.com/sockharness/harness/toxics"
)

// Faults returns what a toxic of the catalogue puts into the connections of a
// proxy: itself, and in the opposite direction what watches on its behalf.
func Faults(t toxics.Toxic) []Toxic {
	fault := Toxic{Name: t.Name, Toxic: t.Instance, BufferSize: t.BufferSize, Direction: t.Direction,
		Toxicity: t.Toxicity, Connection: t.Connection, Through: t.Through}
	if t.Seed != nil {
		source := chance.New(*t.Seed)
		fault.Chance = &source
	}
	if t.Watch == nil {
		return []Toxic{fault}
	}
	watch := Toxic{Name: t.Name + " (watch)", Toxic: t.Watch, Direction: t.Direction.Opposite(),
		Toxicity: 1, Connection: t.Connection, Through: t.Through}
	return []Toxic{fault, watch}
}

// covers reports whether the toxic is for the connection of that number.
func (t Toxic) covers(id uint64) bool {
	return t.Connection == 0 || t.Connection <= id && id <= max(t.Connection, t.Through)
}
