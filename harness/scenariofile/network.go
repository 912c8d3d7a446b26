package scenariofile

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/toxics/spec"
)

// A Change is what the proxy does differently from now on. One field is set.
type Change struct {
	Gate  scenario.AcceptMode // how the proxy receives connects from now on, if Gated
	Gated bool                // Gate is given
	On    *Fault              // fault that is added; nil: none
	Off   string              // name of a fault
}

// change reads what the proxy does: a word, or a mapping.
func (r stepReader) change(n *strictyaml.Node) *Change {
	c := &Change{}
	gates := map[string]scenario.AcceptMode{"refuse": scenario.Refusing, "accept": scenario.Accepting, "blackhole": scenario.BlackHoled}
	set := func(word string) { c.Gate, c.Gated = gates[word], true }
	if n.Kind() == strictyaml.Text {
		if word := r.OneOf(n, sortedKeys(gates)...); word != "" {
			set(word)
		}
		return c
	}
	fields := map[string]func(*strictyaml.Node){
		"on":  func(n *strictyaml.Node) { f := r.readFault(n); c.On = &f },
		"off": func(n *strictyaml.Node) { c.Off = r.NonEmptyString(n) },
	}
	for word := range gates {
		fields[word] = func(n *strictyaml.Node) { r.readTrue(n, word); set(word) }
	}
	r.DecodeSteps(n, fields)
	return c
}

func (s *session) setAcceptMode(m scenario.AcceptMode) error {
	if s.datagrams != nil {
		return s.datagrams.setMode(m)
	}
	return s.rig.SetAcceptMode(m)
}

func (s *session) setFaults(faults []spec.Spec) error {
	if s.datagrams != nil {
		return s.datagrams.setFaults(faults)
	}
	return s.rig.SetFaults(faults)
}

// alter does to the proxy what the step says.
func (s *session) alter(c *Change) error {
	if c.Gated {
		return s.setAcceptMode(c.Gate)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	named := func(name string) func(spec.Spec) bool {
		return func(f spec.Spec) bool { return f.Name == name }
	}
	if c.On == nil {
		if !slices.ContainsFunc(s.faults, named(c.Off)) {
			return fmt.Errorf("the proxy has no fault %q", c.Off)
		}
		s.faults = slices.DeleteFunc(slices.Clone(s.faults), named(c.Off))
	} else {
		s.faults = append(slices.DeleteFunc(slices.Clone(s.faults), named(c.On.spec.Name)), c.On.framed(s.framing))
	}
	return s.setFaults(s.faults)
}
