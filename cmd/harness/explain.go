package main

import (
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/scenarios"
)

// explain adds to the document what its scenarios and checks are for.
func explain(d outcome.Document) outcome.Document { return d.Explain(aboutScenario, aboutCheck) }

func aboutScenario(id string) outcome.About {
	for _, t := range scenarios.Topics() {
		for _, s := range t.List() {
			if s.ID == id {
				return outcome.About{Title: s.Title, Rationale: s.Rationale, Ref: s.Ref}
			}
		}
	}
	return outcome.About{}
}

// aboutCheck tells what a default oracle means.
func aboutCheck(name string) outcome.About {
	o, known := scenario.FindOracle(name)
	if !known {
		return outcome.About{}
	}
	return outcome.About{Title: o.Title, Rationale: o.Rationale, Ref: o.Ref}
}
