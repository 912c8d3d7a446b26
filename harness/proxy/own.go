package proxy

import (
	"slices"
	"strings"

	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// AddToConnection puts a toxic on the open connection of that number and on no other
// one, behind those of the proxy, in the place of one of its name that it has by
// itself. Its at.byte is an offset in the stream of the connection; one that has
// passed strikes at once. It returns false when there is no such connection. It does
// not wait for anything.
func (p *Proxy) AddToConnection(id uint64, t toxics.Toxic) bool {
	list := FromToxic(t)
	if t.At.Byte != nil {
		list[0].Toxic = &placed{Toxic: list[0].Toxic, spec: t.Spec}
	}
	return p.editConnection(id, func(s *session) { s.own = append(without(s.own, t.Name), list...) })
}

// RemoveFromConnection takes a toxic off the open connection of that number, which
// has it by itself, and returns whether there was one. What it holds goes on.
func (p *Proxy) RemoveFromConnection(id uint64, name string) (found bool) {
	p.editConnection(id, func(s *session) {
		left := without(s.own, name)
		found = len(left) < len(s.own)
		s.own = left
	})
	return found
}

// editConnection changes what one open connection alone has in its chains.
func (p *Proxy) editConnection(id uint64, change func(*session)) bool {
	p.mu.Lock()
	s := p.sessions[id]
	p.mu.Unlock()
	if s == nil || s.isTerminated() {
		return false
	}
	s.editOwn(change)
	p.shared.loops.recheck(p)
	return true
}

// editOwn changes what this connection alone has in its chains.
func (s *session) editOwn(change func(*session)) {
	p := s.proxy
	p.editing.Lock()
	defer p.editing.Unlock()
	p.mu.Lock()
	list := p.toxicsLocked()
	change(s)
	p.mu.Unlock()
	s.updateChains(list)
}

// without returns the toxics but the one of that name, and what watches on its behalf.
func without(list []Toxic, name string) []Toxic {
	return slices.DeleteFunc(slices.Clone(list), func(t Toxic) bool { return strings.TrimSuffix(t.Name, watchSuffix) == name })
}

// A placed toxic strikes at an offset of the stream, however far that is when the
// toxic is added: toxics themselves count from there.
type placed struct {
	tp.Toxic
	spec spec.Spec
}

var (
	_ link.Attacher  = (*placed)(nil)
	_ hook.Steppable = (*placed)(nil)
)

// CanStep implements [hook.Steppable].
func (p *placed) CanStep() bool { return hook.CanStep(p.Toxic) }

// Attach implements [link.Attacher].
func (p *placed) Attach(w hook.Link) tp.Toxic {
	spec := p.spec
	if at, ok := w.(hook.OffsetSource); ok {
		left := max(*spec.At.Byte-at.StartOffset(), 0)
		spec.At.Byte = &left
	}
	made, err := toxics.MakeToxic(spec)
	if err != nil {
		return p.Toxic // the spec has made a toxic before
	}
	return made.Instance.(link.Attacher).Attach(w)
}
