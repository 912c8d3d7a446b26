package outcome

// An About says what a scenario or a check is for, so that a document can be
// read without the program that wrote it.
type About struct {
	Title     string `json:"title"`
	Rationale string `json:"rationale,omitempty"`
	Ref       string `json:"ref,omitempty"`
}

// Explain returns the document with what is known of every scenario and check
// that has something to say: results that are neither a pass nor unsupported.
// The functions return the zero About for what they do not know.
func (d Document) Explain(scenario, check func(name string) About) Document {
	d.Scenarios, d.Checks = map[string]About{}, map[string]About{}
	note := func(all map[string]About, name string, find func(string) About) {
		if about := find(name); about != (About{}) {
			all[name] = about
		}
	}
	for _, r := range d.Results {
		if r.Verdict == Pass || r.Verdict == Unsupported {
			continue
		}
		note(d.Scenarios, r.Scenario, scenario)
		if r.Check != "" {
			note(d.Checks, r.Check, check)
		}
	}
	return d
}
