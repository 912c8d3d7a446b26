package dialogue

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sockharness/harness/harness/strictyaml"
)

// captures divides what each exchange keeps between the two sides, and refuses what
// no expression has.
func (c checker) captures() {
	for i := range c.d.Exchanges {
		e := &c.d.Exchanges[i]
		for _, k := range e.Keep {
			inSend, inExpect := groupsOf(e.Send), groupsOf(e.Expect)
			switch {
			case len(inSend) == 0 && len(inExpect) == 0:
				c.dec.ReportError(k.Node, "keep needs a regular expression", "expect {regex: '(?P<"+k.Name+">…)'}")
			case inExpect[k.Group] && inSend[k.Group]:
				c.dec.ReportError(k.Node, fmt.Sprintf("send and expect have a group %q each", k.Group), "give the groups different names")
			case inExpect[k.Group]:
				e.keepExpected = append(e.keepExpected, k)
			case inSend[k.Group]:
				e.keepSent = append(e.keepSent, k)
			default:
				c.dec.ReportError(k.Node, fmt.Sprintf("the regular expression has no group %q", k.Group), "name it (?P<"+k.Group+">…)")
			}
		}
	}
	c.keptAtGreeting()
}

func (c checker) keptAtGreeting() {
	groups := groupsOf(c.d.Greeting)
	for _, k := range c.d.GreetingKeep {
		if !groups[k.Group] {
			c.dec.ReportError(k.Node, fmt.Sprintf("the greeting has no group %q", k.Group), "write {regex: '(?P<"+k.Group+">…)'}")
		}
	}
}

func groupsOf(m *Message) map[string]bool {
	if m == nil {
		return nil
	}
	return m.GroupNames()
}

// keys refuses a ${name} that has no value, or none yet.
func (c checker) keys() {
	kept := map[string]bool{connectionKey: true, runKey: true}
	later := c.d.keptNames()
	check := func(m *Message) {
		if m == nil {
			return
		}
		for _, name := range m.namesAmong(later) {
			switch {
			case kept[name]:
			case later[name]:
				c.reportBad(m, fmt.Sprintf("${%s} is used before it is kept", name), "move the exchange with keep: {"+name+": …} before this one")
			default:
				known := slices.Sorted(maps.Keys(kept))
				c.reportBad(m, fmt.Sprintf("${%s} has no value", name), strictyaml.Suggestion(name, known...)+"; write $${ for the two characters")
			}
		}
	}
	check(c.d.Greeting)
	for _, k := range c.d.GreetingKeep {
		kept[k.Name] = true
	}
	for name := range c.d.outer {
		kept[name] = true
	}
	for _, e := range c.d.Exchanges {
		if e.Connect != nil {
			check(e.Connect.To)
		}
		check(e.Send)
		for _, k := range e.keepSent {
			kept[k.Name] = true
		}
		for _, name := range e.listenNames() {
			kept[name] = true
		}
		check(e.Expect)
		for _, k := range e.keepExpected {
			kept[k.Name] = true
		}
		if e.Connect != nil {
			maps.Copy(kept, e.Connect.Said.ownKept())
		}
	}
}

// keptNames returns the names that any exchange keeps, on any connection.
func (d *Dialogue) keptNames() map[string]bool {
	names := d.ownKept()
	maps.Copy(names, d.outer)
	return names
}

// ownKept returns the names that exchanges of this connection keep, and of those that it
// opens.
func (d *Dialogue) ownKept() map[string]bool {
	names := map[string]bool{}
	for _, k := range d.GreetingKeep {
		names[k.Name] = true
	}
	for _, e := range d.Exchanges {
		for _, k := range e.Keep {
			names[k.Name] = true
		}
		for _, name := range e.listenNames() {
			names[name] = true
		}
		if e.Connect != nil {
			maps.Copy(names, e.Connect.Said.ownKept())
		}
	}
	return names
}

// namesAmong returns the names that the message writes as ${name}; in a regular
// expression only those that are names of ours, or kept.
func (m *Message) namesAmong(kept map[string]bool) []string {
	names := m.keyNames()
	for _, name := range m.References() {
		if kept[name] && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
