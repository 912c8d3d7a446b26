package scenariofile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// CompileScenario returns the value that the runner plays.
func (d *Definition) CompileScenario() scenario.Scenario {
	return d.Summarize().compile(func() (*Definition, error) { return d, nil })
}

// plays reports whether the steps are those of the other peer.
func (d *Definition) plays() bool { return len(d.Steps) > 0 && d.Role != scenario.Both }

// deriveVariants derives what is played to one target: one for each place of the sweep.
func (d *Definition) deriveVariants(c scenario.Case) ([]scenario.Variant, error) {
	have, err := declaredPolicies(c.Target.Policies)
	if err != nil {
		return nil, err
	}
	if name := d.Needs.missingNeed(have); name != "" {
		return nil, c.UnsupportedErrorf("the target does not declare the policy %s", name)
	}
	if d.Role == scenario.Both && len(d.Steps) > 0 && c.Target.Client.Dialogue != nil {
		return nil, c.UnsupportedErrorf("the steps need two programs, but the client of the target is a dialogue")
	}
	framing, err := d.chooseFraming(c)
	if err != nil {
		return nil, err
	}
	if err := d.checkTransport(c); err != nil {
		return nil, err
	}
	base := d.conversation()
	if len(d.Steps) > 0 {
		base = d.act(c, framing)
	}
	for _, f := range d.Faults {
		if !f.datagrams || len(d.Steps) == 0 { // the session's own proxy has those
			base.Faults = append(base.Faults, f.framed(framing))
		}
	}
	if d.Sweep == nil {
		return []scenario.Variant{base}, nil
	}
	return d.sweep(c, framing, base)
}

// act is the variant that plays the steps.
func (d *Definition) act(c scenario.Case, f dialogue.Framing) scenario.Variant {
	return scenario.Variant{
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
		Budget: d.maxDuration(c.Budget, d.Steps),
		Listen: d.Role == scenario.Client,
		Proof:  d.switched,
		Run: func(ctx context.Context, rig scenario.Rig) error {
			s := &session{definition: d, rig: rig, framing: f, budget: c.Budget, vars: newVariables(), follow: c.Target.Policies.TransferPort}
			for _, fault := range d.Faults {
				s.faults = append(s.faults, fault.framed(f))
			}
			return s.playSteps(ctx)
		},
	}
}

// conversation is the variant that plays the target's own conversation.
func (d *Definition) conversation() scenario.Variant {
	v := scenario.Variant{Expect: []scenario.Expectation{scenario.ExpectCompletion()}}
	if !d.harmless() {
		v.Expect = []scenario.Expectation{{Name: "copes", Check: copes}}
	}
	return v
}

// harmless reports whether all faults leave what is said as it is.
func (d *Definition) harmless() bool {
	if d.Sweep != nil && d.Sweep.Kind != "split" {
		return false
	}
	return !slices.ContainsFunc(d.Faults, func(f Fault) bool { return !f.kind().Intact })
}

// copes expects a client to notice that its conversation has broken off, and a
// server to end the connection.
func copes(o scenario.Observation) error {
	if o.Client != nil {
		return scenario.FailsOrRecovers().Check(o)
	}
	for _, f := range o.Faults {
		if f.Type == "stall" {
			return nil // the connection stays, and so may the server
		}
	}
	return scenario.EndsBy(event.EOF, event.Reset).Check(o)
}

// sweep returns a variant for each place.
func (d *Definition) sweep(c scenario.Case, f dialogue.Framing, base scenario.Variant) ([]scenario.Variant, error) {
	direction := d.Sweep.toward(c.Role)
	stream := c.Conversation.StreamOf(direction)
	if d.plays() {
		stream = d.stream(f, direction)
	}
	places := d.Sweep.at(stream, c.Limit)
	if len(places) == 0 {
		return nil, c.UnsupportedErrorf("the bytes that go %s are unknown: give offsets, such as {%s: [12, 40]}", direction, d.Sweep.Kind)
	}
	var all []scenario.Variant
	for _, at := range places {
		v := base
		v.Name = fmt.Sprintf("byte=%d", at)
		v.Faults = append(append([]spec.Spec(nil), base.Faults...), d.Sweep.fault(direction, at))
		all = append(all, v)
	}
	return all, nil
}

// switched is the proof that each fault of a proxy step has struck.
func (d *Definition) switched(o scenario.Observation) error {
	if o.RunError != nil {
		return nil
	}
	struck := map[string]bool{}
	for _, e := range o.StruckEvents() {
		name := e.Toxic
		if d.Transport == UDP {
			name, _, _ = strings.Cut(e.Detail, ": ")
		}
		struck[name] = true
	}
	wanted := switchedOn(d.Steps)
	if d.Transport == UDP {
		for i := range d.Faults {
			wanted = append(wanted, &d.Faults[i])
		}
	}
	for _, f := range wanted {
		if !struck[f.spec.Name] {
			return fmt.Errorf("the fault %s of line %d did not strike", f.spec.Name, f.Node.Line())
		}
	}
	return nil
}

func switchedOn(steps []Step) []*Fault {
	var all []*Fault
	walk(steps, func(s Step) {
		if s.Proxy != nil && s.Proxy.On != nil {
			all = append(all, s.Proxy.On)
		}
	})
	return all
}

// walk calls f for each step, those inside others included, in order.
func walk(steps []Step, f func(Step)) {
	for _, s := range steps {
		f(s)
		if s.Repeat != nil {
			walk(s.Repeat.Steps, f)
		}
		for _, lane := range s.Together {
			walk(lane, f)
		}
	}
}

// chooseFraming is that of the file, else of the target's dialogue, else lines.
func (d *Definition) chooseFraming(c scenario.Case) (dialogue.Framing, error) {
	if d.Framing != nil {
		return d.Framing.Framing, nil
	}
	script, err := c.Target.ParseDialogue()
	if err != nil {
		return dialogue.Framing{}, fmt.Errorf("dialogue of the target: %w", err)
	}
	if script == nil {
		return dialogue.Framing{Kind: dialogue.Line}, nil
	}
	return script.Framing, nil
}

// maxDuration returns how long the steps may take at most.
func (d *Definition) maxDuration(budget time.Duration, steps []Step) time.Duration {
	var sum time.Duration
	for _, s := range steps {
		sum += d.longestStep(budget, s)
	}
	return sum
}

func (d *Definition) longestStep(budget time.Duration, s Step) time.Duration {
	sum := budget
	if d.Role != scenario.Server {
		sum += startBudget
	}
	switch {
	case s.Repeat != nil:
		sum = time.Duration(s.Repeat.Times) * d.maxDuration(budget, s.Repeat.Steps)
	case s.Together != nil:
		for _, lane := range s.Together {
			sum = max(sum, d.maxDuration(budget, lane))
		}
	case s.Process != nil:
		sum += startBudget
	case s.Check != nil:
		sum += s.Check.Within
	case s.Action != nil && s.Action.Expect != nil:
		sum += max(s.Action.Expect.Within, s.Action.Expect.For)
	}
	return sum
}
