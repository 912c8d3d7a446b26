package scenariofile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// checkDefinition looks for what is well written and cannot be meant.
func checkDefinition(dec *strictyaml.Decoder, d *Definition) {
	c := &checker{dec: dec, d: d, made: map[string]dialogue.Capture{}, used: map[string]bool{}, names: map[string]bool{}}
	for _, f := range d.Faults {
		c.fault(f)
	}
	c.vacuous()
	c.transport()
	c.steps(d.Steps, map[string]bool{}, map[string]state{})
	for _, name := range slices.Sorted(maps.Keys(c.made)) {
		if !c.used[name] {
			c.warn(c.made[name].Node, fmt.Sprintf("${%s} is kept and never used", name), "use it, or delete keep")
		}
	}
}

// A checker goes through the steps of one scenario in their order.
type checker struct {
	dec   *strictyaml.Decoder
	d     *Definition
	made  map[string]dialogue.Capture // by name, all of the scenario
	used  map[string]bool
	names map[string]bool // of faults
}

// A state is what is known of a connection at a step.
type state struct {
	shut  int // the line in which our direction was ended; 0: it is open
	ended int // the line in which the connection was expected to end
	how   Ending
}

func (c *checker) warn(n *strictyaml.Node, message, hint string) {
	c.d.Warnings = append(c.d.Warnings, strictyaml.Error{File: n.File(), Line: n.Line(), Column: n.Column(), Message: message, Hint: hint})
}

func (c *checker) fault(f Fault) {
	if c.names[f.spec.Name] {
		c.dec.ReportError(f.Node, fmt.Sprintf("the fault name %s is used twice", f.spec.Name), "give this fault another name, such as name: second")
	}
	c.names[f.spec.Name] = true
}

// vacuous finds a scenario that passes whatever the peer does: one that expects
// nothing, or only what is seen where nobody serves.
func (c *checker) vacuous() {
	n := c.d.Node.GetKey("scenario")
	switch {
	case len(c.d.Steps) == 0 && (len(c.d.Faults) > 0 || c.d.Sweep != nil):
	case !expects(c.d.Steps):
		c.dec.ReportError(n, "vacuous: the scenario expects nothing, so it cannot fail", "add an expect or a check")
	case c.d.Role == scenario.Server && !expectsLife(c.d.Steps):
		c.dec.ReportError(n, "vacuous: every expectation would also be met if no server ran", "expect bytes or eof, too, or add check: {alive: true}")
	}
}

// expects reports whether one of the steps can fail.
func expects(steps []Step) bool {
	found := false
	walk(steps, func(s Step) {
		found = found || s.Check != nil || s.Action != nil && s.Action.Expect != nil
	})
	return found
}

// expectsLife reports whether one of the steps fails where no server runs.
func expectsLife(steps []Step) bool {
	found := false
	walk(steps, func(s Step) {
		found = found || s.Check != nil
		if s.Action == nil || s.Action.Expect == nil {
			return
		}
		dead := func(o Option) bool { return o.Ending != "" && o.Ending != EOF }
		found = found || !slices.ContainsFunc(s.Action.Expect.Options, dead)
	})
	return found
}

// steps checks one list. kept are the captures that are there already.
func (c *checker) steps(steps []Step, kept map[string]bool, conns map[string]state) {
	for _, s := range steps {
		switch {
		case s.Together != nil:
			c.lanes(s.Together, kept, conns)
		case s.Repeat != nil:
			if len(s.Repeat.Steps) == 0 {
				c.dec.ReportError(s.Node, "repeat has no steps", "give it steps")
			}
			c.steps(s.Repeat.Steps, kept, conns)
		case s.Proxy != nil && s.Proxy.On != nil:
			c.names[s.Proxy.On.spec.Name] = true
		case s.Proxy != nil && s.Proxy.Off != "" && !c.names[s.Proxy.Off]:
			c.dec.ReportError(s.Node, fmt.Sprintf("no fault has the name %q", s.Proxy.Off), strictyaml.Suggestion(s.Proxy.Off, slices.Sorted(maps.Keys(c.names))...))
		case s.Action != nil:
			c.action(s, kept, conns)
		}
	}
}

// lanes checks steps side by side: what one keeps the others do not have yet.
func (c *checker) lanes(lanes [][]Step, kept map[string]bool, conns map[string]state) {
	before := maps.Clone(kept)
	used := map[string]int{}
	for i, lane := range lanes {
		own := maps.Clone(before)
		c.steps(lane, own, conns)
		maps.Copy(kept, own)
		walk(lane, func(s Step) {
			if other, there := used[s.Name]; there && s.Action != nil && other != i {
				c.dec.ReportError(s.Node, fmt.Sprintf("two lanes use the connection %q at once", s.Name), "use different connections in each lane")
			}
			if s.Action != nil {
				used[s.Name] = i
			}
		})
	}
}

func (c *checker) action(s Step, kept map[string]bool, conns map[string]state) {
	a, at := s.Action, conns[s.Name]
	c.order(s, &at)
	if a.Send != nil {
		if a.Send.Empty() {
			c.report(a.Send, "no bytes to send", "leave it out")
		}
		c.references(a.Send, kept)
	}
	if a.Shutdown {
		at.shut = a.Node.Line()
	}
	if a.Expect != nil {
		c.expect(a.Expect, kept)
		if len(a.Expect.Options) == 1 && a.Expect.Options[0].Ending != "" && a.Expect.Options[0].Ending != Silence && a.Expect.Options[0].Ending != Refused {
			at.ended, at.how = a.Expect.Node.Line(), a.Expect.Options[0].Ending
		}
	}
	if a.Close || a.Reset {
		at = state{}
	}
	conns[s.Name] = at
}

// order finds what cannot happen after what came before.
func (c *checker) order(s Step, at *state) {
	a := s.Action
	switch {
	case a.Send != nil && at.shut > 0:
		c.report(a.Send, fmt.Sprintf("%s cannot send after its shutdown in line %d", s.Name, at.shut), "move the shutdown behind the last send")
	case a.Shutdown && at.shut > 0:
		c.dec.ReportError(a.Node, fmt.Sprintf("%s was shut down in line %d already", s.Name, at.shut), "delete one")
	case at.ended > 0 && a.Expect != nil:
		c.dec.ReportError(a.Expect.Node, fmt.Sprintf("unreachable: %s has ended by %s in line %d", s.Name, at.how, at.ended), "close it first to open another one: close: true")
	case at.ended > 0 && a.Send != nil && at.how != EOF:
		c.report(a.Send, fmt.Sprintf("unreachable: %s has ended by %s in line %d", s.Name, at.how, at.ended), "close it first to open another one: close: true")
	}
}

func (c *checker) expect(e *Expect, kept map[string]bool) {
	groups := map[string]bool{}
	for _, o := range e.Options {
		if o.Message == nil {
			continue
		}
		if o.Message.Empty() {
			c.report(o.Message, "no bytes to expect", "write expect: silence, or leave it out")
		}
		c.references(o.Message, kept)
		for _, re := range o.Message.Regexps() {
			for i, name := range re.SubexpNames() {
				groups[formatNumber(i)], groups[name] = true, true
			}
		}
	}
	for _, k := range e.Keep {
		switch {
		case len(groups) == 0:
			c.dec.ReportError(k.Node, "keep needs a regular expression", "expect {regex: '(?P<"+k.Name+">…)'}")
		case !groups[k.Group]:
			c.dec.ReportError(k.Node, fmt.Sprintf("the regular expression has no group %q", k.Group), "name it (?P<"+k.Group+">…)")
		}
		kept[k.Name] = true
		c.made[k.Name] = k
	}
}

// references finds names that have no value yet.
func (c *checker) references(m *dialogue.Message, kept map[string]bool) {
	for _, name := range m.References() {
		c.used[name] = true
		switch {
		case kept[name] || isReserved(name):
		case c.keptLater(name):
			c.report(m, fmt.Sprintf("${%s} is used before it is kept", name), "move this step behind the one with keep: {"+name+": …}")
		default:
			known := append(slices.Collect(maps.Keys(kept)), runVariable, connectionVariable)
			slices.Sort(known)
			c.report(m, fmt.Sprintf("${%s} has no value", name), strictyaml.Suggestion(name, known...)+"; write $${ for the two characters")
		}
	}
}

// keptLater reports whether any step keeps the name.
func (c *checker) keptLater(name string) bool {
	found := false
	walk(c.d.Steps, func(s Step) {
		if s.Action != nil && s.Action.Expect != nil {
			found = found || slices.ContainsFunc(s.Action.Expect.Keep, func(k dialogue.Capture) bool { return k.Name == name })
		}
	})
	return found
}

func (c *checker) report(m *dialogue.Message, message, hint string) {
	c.dec.AddError(strictyaml.Error{File: c.d.Node.File(), Line: m.Line, Column: m.Column, Message: message, Hint: hint})
}
