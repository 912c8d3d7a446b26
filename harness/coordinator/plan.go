package coordinator

// A unit is what a worker takes at once: one spec, or the specs of one
// Ordered container.
type unit struct {
	serial bool
	index  int
	specs  []*planned
}

// planned is a spec and whether its report has come.
type planned struct {
	Spec
	unit     *unit
	reported bool
}

// pendingSpecs returns the specs of u without a report.
func (u *unit) pendingSpecs() []*planned {
	if u == nil {
		return nil
	}
	var left []*planned
	for _, p := range u.specs {
		if !p.reported {
			left = append(left, p)
		}
	}
	return left
}

// isUntouched reports whether no spec of u has a report.
func (u *unit) isUntouched() bool { return len(u.pendingSpecs()) == len(u.specs) }

// findSpec returns the first spec called name without a report.
func (u *unit) findSpec(name string) *planned {
	for _, p := range u.pendingSpecs() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// A plan is all that has to be reported.
type plan struct {
	specs    []*planned
	parallel []*unit
	serial   []*unit
}

func newPlan(specs []Spec) *plan {
	type key struct {
		serial bool
		index  int
	}
	p := &plan{}
	units := map[key]*unit{}
	for _, s := range specs {
		k := key{s.Serial, s.Index}
		u := units[k]
		if u == nil {
			u = &unit{serial: s.Serial, index: s.Index}
			units[k] = u
			p.addUnit(u)
		}
		spec := &planned{Spec: s, unit: u}
		u.specs = append(u.specs, spec)
		p.specs = append(p.specs, spec)
	}
	return p
}

// isSingle reports whether each unit is a single spec.
func (p *plan) isSingle() bool { return len(p.serial) == 0 && len(p.parallel) == len(p.specs) }

func (p *plan) addUnit(u *unit) {
	if u.serial {
		p.serial = append(p.serial, u)
	} else {
		p.parallel = append(p.parallel, u)
	}
}

// findSerial returns the first serial spec called name without a report.
func (p *plan) findSerial(name string) *planned {
	for _, u := range p.serial {
		if s := u.findSpec(name); s != nil {
			return s
		}
	}
	return nil
}

// nextSerial returns the first serial spec without a report.
func (p *plan) nextSerial() *planned {
	for _, u := range p.serial {
		if left := u.pendingSpecs(); len(left) > 0 {
			return left[0]
		}
	}
	return nil
}

// finishedSerial names the serial specs that have a report.
func (p *plan) finishedSerial() []string {
	var names []string
	for _, u := range p.serial {
		for _, s := range u.specs {
			if s.reported {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// missingSpecs returns the specs without a report.
func (p *plan) missingSpecs() []Spec {
	var specs []Spec
	for _, s := range p.specs {
		if !s.reported {
			specs = append(specs, s.Spec)
		}
	}
	return specs
}
