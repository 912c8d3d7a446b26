package runcmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
)

// A plannedSpec is what is known of a spec before it runs.
type plannedSpec struct {
	id       string
	variants int
	known    bool
	skipped  string  // why it cannot be played; empty: it can
	last     float64 // milliseconds; negative: it is not known
}

// printPlan tells what would run, how many variants that is, and how long it took.
func (e *execution) printPlan() error {
	costs, pairs := e.lastCosts(), e.scenariosByTarget()
	var all []plannedSpec
	for _, s := range e.specs {
		id := specID(s.Preview)
		planned, err := e.planSpec(id, pairs[id])
		if err != nil {
			return cli.UsageErrorf("%s: %v", id, err)
		}
		if cost, there := costs[id]; there {
			planned.last = cost
		}
		all = append(all, planned)
	}
	slices.SortFunc(all, func(a, b plannedSpec) int { return cmp.Compare(a.id, b.id) })
	err := cli.WriteTable(e.terminal.Out, func(w io.Writer) error {
		fmt.Fprintf(w, "SCENARIO\tVARIANTS\tLAST TIME\t\n")
		for _, p := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.id+e.partName(p.id), p.describeVariants(), p.describeLast(), p.skipped)
		}
		return nil
	})
	if err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	e.terminal.Printf("\n%s\n", summarizePlan(all))
	return e.terminal.Err()
}

// A targetScenario is a scenario and a target that it is played to.
type targetScenario struct {
	target   scenario.Target
	scenario scenario.Scenario
}

// scenariosByTarget returns each scenario with each target, by "id on target".
func (e *execution) scenariosByTarget() map[string]targetScenario {
	all := map[string]targetScenario{}
	for _, t := range e.job.Targets {
		for _, topic := range e.topics {
			for _, s := range topic.List() {
				if id := s.ID + " on " + t.Name; all[id].scenario.ID == "" {
					all[id] = targetScenario{t, s}
				}
			}
		}
	}
	return all
}

// planSpec tells what is known of a spec but for its time.
func (e *execution) planSpec(id string, s targetScenario) (plannedSpec, error) {
	n, known, err := runner.CountVariants(e.job.Runner, s.target, s.scenario)
	p := plannedSpec{id: id, variants: n, known: known, last: -1}
	if errors.Is(err, scenario.ErrUnsupported) {
		p.skipped, err = err.Error(), nil
	}
	return p, err
}

func (p plannedSpec) describeVariants() string {
	if !p.known {
		return "?"
	}
	return fmt.Sprint(p.variants)
}

func (p plannedSpec) describeLast() string {
	if p.last < 0 {
		return "-"
	}
	return describeMillis(p.last)
}

// summarizePlan is the last line: scenarios, variants and times together.
func summarizePlan(all []plannedSpec) string {
	variants, unknown, timed, sum := 0, 0, 0, 0.0
	for _, p := range all {
		variants += p.variants
		if !p.known {
			unknown++
		}
		if p.last >= 0 {
			timed++
			sum += p.last
		}
	}
	text := plural.Count(len(all), "scenario") + ", " + plural.Count(variants, "variant")
	if unknown > 0 {
		text += fmt.Sprintf(", and %s whose variants are known only in a run", plural.Count(unknown, "scenario"))
	}
	if timed == 0 {
		return text + "; no time is known: nothing of this ran here before"
	}
	took := describeMillis(sum)
	switch {
	case len(all) == 1:
		return text + "; it took " + took + " the last time"
	case timed < len(all):
		return text + fmt.Sprintf("; %d of them took %s the last time, one after the other; the others have not run", timed, took)
	}
	return text + "; one after the other they took " + took + " the last time"
}

// describeMillis writes milliseconds in the unit that shows them: what ran has taken some time.
func describeMillis(ms float64) string {
	took := time.Duration(ms * float64(time.Millisecond))
	switch {
	case ms >= 100:
		return took.Round(10 * time.Millisecond).String()
	case ms >= 10:
		return took.Round(time.Millisecond).String()
	case ms >= 0.1:
		return fmt.Sprintf("%.1fms", ms)
	}
	return "less than 0.1ms"
}
