package outcome

// An Explanation says what a scenario or a check is for, so that a document can be
// read without the program that wrote it.
type Explanation struct {
	Title     string `json:"title"`               // one line: what a correct peer does
	Rationale string `json:"rationale,omitempty"` // why that matters
	Ref       string `json:"ref,omitempty"`       // RFC, man page or issue
	File      string `json:"file,omitempty"`      // where the scenario is written; empty: it is built in
	Line      int    `json:"line,omitempty"`      // line of the file
	Source    string `json:"source,omitempty"`    // the text of the file
}

// ExplainResults returns the document with what is known of every scenario and check
// that has something to say: results that are neither a pass nor unsupported.
// The functions return the zero About for what they do not know.
func (d Run) ExplainResults(scenario, check func(name string) Explanation) Run {
	d.Scenarios, d.Checks = map[string]Explanation{}, map[string]Explanation{}
	note := func(all map[string]Explanation, name string, find func(string) Explanation) {
		if about := find(name); about != (Explanation{}) {
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
