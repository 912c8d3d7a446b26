package runcmd

import (
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// explainRun adds to the document what its scenarios and checks are for.
func (e *execution) explainRun(d outcome.Run) outcome.Run {
	return d.ExplainResults(e.aboutScenario, aboutCheck)
}

func (e *execution) aboutScenario(id string) outcome.Explanation {
	s, known := e.findScenario(id)
	if !known {
		return outcome.Explanation{}
	}
	about := outcome.Explanation{Title: s.Title, Rationale: s.Rationale, Ref: s.Ref}
	e.addSource(&about, id)
	return about
}

func (e *execution) findScenario(id string) (s scenario.Scenario, known bool) {
	for _, t := range e.topics {
		for _, s := range t.List() {
			if s.ID == id {
				return s, true
			}
		}
	}
	return scenario.Scenario{}, false
}

// addSource tells where a scenario of a file is written, and what the file says.
func (e *execution) addSource(about *outcome.Explanation, id string) {
	for _, one := range e.files.Summaries {
		if one.ID == id {
			about.File, about.Line = one.File, one.Line
		}
	}
	for _, s := range e.files.Sources {
		if s.File == about.File {
			about.Source = string(s.Text)
		}
	}
}

// aboutCheck tells what a default oracle means.
func aboutCheck(name string) outcome.Explanation {
	o, known := scenario.FindOracle(name)
	if !known {
		return outcome.Explanation{}
	}
	return outcome.Explanation{Title: o.Title, Rationale: o.Rationale, Ref: o.Ref}
}
