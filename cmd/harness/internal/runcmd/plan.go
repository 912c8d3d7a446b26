package runcmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/report"
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
	costs := e.costs
	if costs == nil {
		if d, err := report.ReadFile(lastFile); err == nil {
			costs = d.SpecCosts()
		}
	}
	var all []plannedSpec
	for _, s := range e.specs {
		planned, err := e.planSpec(s, costs)
		if err != nil {
			return cli.UsageErrorf("%s: %v", planned.id, err)
		}
		all = append(all, planned)
	}
	slices.SortFunc(all, func(a, b plannedSpec) int { return compareText(a.id, b.id) })
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

func (e *execution) planSpec(s coordinator.Spec, costs map[string]float64) (plannedSpec, error) {
	p := plannedSpec{id: specID(s.Preview), last: -1}
	if cost, there := costs[p.id]; there {
		p.last = cost
	}
	for _, t := range e.job.Targets {
		for _, topic := range e.topics {
			for _, one := range topic.List() {
				if one.ID+" on "+t.Name != p.id {
					continue
				}
				n, known, err := runner.CountVariants(e.job.Runner, t, one)
				if errors.Is(err, scenario.ErrUnsupported) {
					p.skipped, err = err.Error(), nil
				}
				p.variants, p.known = n, known
				return p, err
			}
		}
	}
	return p, nil
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
	return (time.Duration(p.last * float64(time.Millisecond))).Round(time.Millisecond).String()
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
	text := fmt.Sprintf("%d scenarios, %d variants", len(all), variants)
	if unknown > 0 {
		text += fmt.Sprintf(", and %d scenarios whose variants are known only in a run", unknown)
	}
	if timed == 0 {
		return text + "; no time is known: nothing of this ran here before"
	}
	text += fmt.Sprintf("; one after the other they took %s the last time", (time.Duration(sum * float64(time.Millisecond))).Round(10*time.Millisecond))
	if timed < len(all) {
		text += fmt.Sprintf(" (%d of them, the others have not run)", timed)
	}
	return text
}
