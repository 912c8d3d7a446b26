package scenariofile

import (
	"fmt"
	"sync"
	"weak"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A Summary is what must be known of a scenario before it runs. The rest is read from
// its source when it does, so that a process which runs a few of a thousand scenarios
// does not hold all of them.
type Summary struct {
	ID      string        // topic/name
	Title   string        // one line: what a correct peer does
	Why     string        // why that matters
	Ref     string        // RFC, man page or issue
	Level   outcome.Level // what a violation costs
	Role    scenario.Role // which peer is under test
	Targets []string      // globs of target names; empty: all
	Alone   bool          // the target needs no other peer
	Carrier Transport     // the only transport; empty: every one that carries a stream
	File    string        // of the source
	Line    int           // line of the file
}

// Summarize returns the summary of the scenario.
func (d *Definition) Summarize() Summary {
	title := d.Title
	if title == "" {
		title = d.ID
	}
	return Summary{ID: d.ID, Title: title, Why: d.Why, Ref: d.Ref, Level: d.Level, Role: d.Role, Targets: d.Targets,
		Alone: d.plays(), Carrier: d.Transport, File: d.Node.File(), Line: d.Node.Line()}
}

// compile returns the scenario; find gives its definition once it runs.
func (s Summary) compile(find func() (*Definition, error)) scenario.Scenario {
	return scenario.Scenario{ID: s.ID, Title: s.Title, Rationale: s.Why, Ref: s.Ref, Level: s.Level,
		Roles: []scenario.Role{s.Role}, Targets: s.Targets, Transports: s.Carrier.carriers(), Alone: s.Alone,
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			d, err := find()
			if err != nil {
				return nil, err
			}
			return d.deriveVariants(c)
		}}
}

// CompileSummaries returns the values that the runner runs. The sources are those of the
// set that the summaries are of; each is read when one of its scenarios runs, and kept for
// the next one until the memory is needed.
func CompileSummaries(summaries []Summary, sources []Source) []scenario.Scenario {
	read := map[string]func() ([]*Definition, error){}
	for _, source := range sources {
		read[source.File] = keepWeakly(func() ([]*Definition, error) { return parseDocument(source).decode() })
	}
	all := make([]scenario.Scenario, len(summaries))
	for i, s := range summaries {
		all[i] = s.compile(func() (*Definition, error) { return s.find(read[s.File]) })
	}
	return all
}

// keepWeakly returns a function that calls read once, and again when the garbage collector
// has taken what it returned.
func keepWeakly(read func() ([]*Definition, error)) func() ([]*Definition, error) {
	var mu sync.Mutex
	var kept weak.Pointer[[]*Definition]
	return func() ([]*Definition, error) {
		mu.Lock()
		defer mu.Unlock()
		if all := kept.Value(); all != nil {
			return *all, nil
		}
		all, err := read()
		if err == nil {
			kept = weak.Make(&all)
		}
		return all, err
	}
}

// find returns the definition in its source.
func (s Summary) find(read func() ([]*Definition, error)) (*Definition, error) {
	if read == nil {
		return nil, fmt.Errorf("%s: no source of %s", s.File, s.ID)
	}
	all, err := read()
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.ID == s.ID {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%s: no scenario %s", s.File, s.ID)
}
