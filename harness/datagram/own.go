package datagram

import "slices"

// EndAssociation forgets the association of that number: what its client sends next makes
// another one, which the upstream sees come from another port. With unreachable the client
// is told by ICMP that nobody listens, where the system lets us. It returns false when there
// is no such association.
func (p *Proxy) EndAssociation(id uint64, unreachable bool) bool {
	a := p.findOpen(id)
	if a == nil {
		return false
	}
	detail := "ended by request"
	switch {
	case unreachable && p.port.sendUnreachable(a.key) == nil:
		detail += ", the client gets an ICMP error"
	case unreachable:
		detail += ", the client gets no error: that needs the right to send ICMP"
	}
	a.endAssociation("", detail)
	return true
}

// AddToAssociation puts a toxic on the association of that number and on no other one, behind
// those of the proxy, in the place of one of its name that it has by itself. It returns
// false when there is no such association.
func (p *Proxy) AddToAssociation(id uint64, t Toxic) bool {
	t.Connection, t.LastConnection = 0, 0
	return p.editAssociation(id, func(own []Toxic) []Toxic { return append(withoutName(own, t.Name), t) })
}

// RemoveFromAssociation takes a toxic off the association of that number, which has it by
// itself, and returns whether there was one. What it holds passes at once.
func (p *Proxy) RemoveFromAssociation(id uint64, name string) (found bool) {
	p.editAssociation(id, func(own []Toxic) []Toxic {
		left := withoutName(own, name)
		found = len(left) < len(own)
		return left
	})
	return found
}

// editAssociation changes what one association alone has in its chains.
func (p *Proxy) editAssociation(id uint64, change func(own []Toxic) []Toxic) bool {
	a := p.findOpen(id)
	if a == nil {
		return false
	}
	p.editing.Lock()
	defer p.editing.Unlock()
	a.own = change(a.own)
	a.updateToxics(p.Toxics())
	return true
}

func withoutName(list []Toxic, name string) []Toxic {
	return slices.DeleteFunc(slices.Clone(list), func(t Toxic) bool { return t.Name == name })
}

// findOpen returns the association of that number, nil when there is none.
func (p *Proxy) findOpen(id uint64) *association {
	all := p.table.allSorted()
	if i := slices.IndexFunc(all, func(a *association) bool { return a.id == id }); i >= 0 {
		return all[i]
	}
	return nil
}
