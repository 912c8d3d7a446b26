package scenariofile

import (
	"fmt"
	"math"
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/toxics/spec"
)

// A Sweep plays the scenario once for each place of a fault.
type Sweep struct {
	Kind      string          // of the fault: see SweepKinds
	Every     bool            // at every offset
	Messages  bool            // where messages end
	Offsets   []int64         // at these offsets
	Direction event.Direction // the direction of the fault, if Directed
	Directed  bool            // else toward the peer under test

	Node *strictyaml.Node // where it is written
}

// SweepKinds are the faults of which every place may be tried.
func SweepKinds() []string {
	return []string{"split", "fin", "half_close", "reset", "vanish", "stall"}
}

// Bind implements [strictyaml.Binder].
func (s *Sweep) Bind(d *strictyaml.Decoder, n *strictyaml.Node) {
	s.Node = n
	fields := map[string]func(*strictyaml.Node){
		"in": func(n *strictyaml.Node) { s.Direction, s.Directed = readDirection(d, n), true },
	}
	kinds := 0
	for _, kind := range SweepKinds() {
		fields[kind] = func(n *strictyaml.Node) { kinds++; s.Kind = kind; s.places(d, n) }
	}
	before := d.ErrorCount()
	d.DecodeFields(n, fields)
	if kinds != 1 && d.ErrorCount() == before {
		d.ReportError(n, fmt.Sprintf("the sweep has %d kinds of fault", kinds), "give exactly one of split, fin, half_close, reset, vanish, stall")
	}
}

func (s *Sweep) places(d *strictyaml.Decoder, n *strictyaml.Node) {
	if n.Kind() != strictyaml.List {
		word := d.OneOf(n, "every", "messages")
		s.Every, s.Messages = word == "every", word == "messages"
		return
	}
	d.EachItem(n, func(n *strictyaml.Node) { s.Offsets = append(s.Offsets, d.IntBetween(n, 0, math.MaxInt32)) })
}

// toward returns the direction of the stream that is swept over.
func (s *Sweep) toward(role scenario.Role) event.Direction {
	if s.Directed {
		return s.Direction
	}
	return role.IncomingDirection()
}

// at returns where in the stream the fault strikes, at most limit places.
func (s *Sweep) at(stream scenario.Stream, limit int) []int64 {
	switch {
	case s.Messages && s.Kind == "split":
		return slices.DeleteFunc(slices.Clone(stream.MessageEnds), func(at int64) bool { return at >= stream.ByteCount() })
	case s.Messages:
		return stream.MessageEnds
	case !s.Every:
		return s.Offsets
	}
	var all []int64
	for at := int64(1); at < stream.ByteCount(); at++ {
		all = append(all, at)
	}
	return scenario.SpreadEvenly(all, limit)
}

// fault returns the fault of one place.
func (s *Sweep) fault(d event.Direction, at int64) spec.Spec {
	switch s.Kind {
	case "split":
		return scenario.SplitAt(d, at)
	case "fin":
		return scenario.FaultAt("half_close", d, at, nil)
	case "half_close":
		return scenario.FaultAt("half_close", d, at, map[string]any{"after_read": true})
	}
	return scenario.FaultAt(s.Kind, d, at, nil)
}
