// Package runner runs scenarios on targets and decides what came of them: it holds the
// conversation without a fault first, runs each variant on a testbed of harness/rig, judges
// what was seen, confirms what failed, and folds it into results.
//
//	r := runner.New(runner.Config{Seed: 7, Tmp: folder})
//	defer r.Close()
//	results := r.RunScenario(ctx, target, s) // one result for each variant
package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A Config says how scenarios are played. It is the requested state; see
// [Runner] for the running one.
type Config struct {
	Seed         int64         // seed of all that is random
	Budget       time.Duration // for what should happen at once; 0: 2 s
	StartTimeout time.Duration // until a server must listen; 0: 10 s
	Tmp          string        // directory for the files of processes
	Self         string        // path of the harness binary, for {self} in commands
	Servers      int           // variants played to one server at a time; 0: 8
	Clients      int           // client processes under test at a time; 0: 2
	Sweep        int           // most variants of one scenario against a server; 0: 96
	Variant      string        // play the variant of this name only
	Profiles     []string      // play each variant under each of these too; see scenario.Profiles
	Pcap         string        // folder for a pcapng file of each variant that fails; empty: none is written
	Zoo          bool          // targets share nothing, and failures of one with a planted bug are confirmed only where that is to be found

	ShareControls bool // runners with the same Tmp test the same programs: a client's control is held once for all

	Parts map[string]Part // by "id on target": which variants are played; without an entry, all
}

// defaultSweep is how many variants of a scenario are played to a server.
const defaultSweep = 96

func (c Config) withDefaults() Config {
	set := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	set(&c.Servers, 8)
	set(&c.Clients, 2)
	set(&c.Sweep, defaultSweep)
	if c.Budget <= 0 {
		c.Budget = 2 * time.Second
	}
	return c
}

// A Runner keeps the server that it has started between scenarios. It plays
// one scenario at a time; Close stops what it started.
type Runner struct {
	config  Config
	machine *hostLock
	shared  *rig.Shared
	several *sync.Map // names of targets whose server is more than one process that listens
	sibling *Runner   // its findings about a target are reused; nil: there is none

	mu       sync.Mutex // guards what follows
	playing  int        // scenarios
	closed   bool
	current  *targetRun     // of the target played to last; nil before the first, and after Close
	recorded map[string]int // how many files of recordings have that name
}

// New returns a runner. The caller must Close it.
func New(c Config) *Runner {
	return &Runner{config: c.withDefaults(), machine: newHostLock(c.Tmp), shared: rig.NewShared(c.Tmp), several: &sync.Map{}}
}

// NewSibling returns a runner that plays beside r, on servers of its own. It knows what r
// knows of the target that r plays to. The caller must Close it.
func (r *Runner) NewSibling() *Runner {
	return &Runner{config: r.config, machine: r.machine, shared: r.shared.NewSibling(), several: r.several, sibling: r}
}

// Close stops every process that the runner started and waits for it. It may
// be called more than once, and while a scenario is being played.
func (r *Runner) Close() {
	r.mu.Lock()
	b, playing := r.current, r.playing > 0
	r.current, r.closed = nil, true
	r.mu.Unlock()
	if b != nil {
		b.closeAll()
	}
	if r.sibling == nil {
		r.machine.closeFiles()
	}
	if !playing {
		r.shared.Close()
	}
}

// beginScenario notes that a scenario is played; end must be called when it is over. The proxies are
// closed before what they share.
func (r *Runner) beginScenario() (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.playing++
	return func() {
		r.mu.Lock()
		r.playing--
		last := r.closed && r.playing == 0
		r.mu.Unlock()
		if last {
			r.shared.Close()
		}
	}
}

// RunScenario plays the scenario to the target, in each role that is under test and
// that the scenario is for, and returns a result for each variant, in order. It
// blocks until all are known or the context ends; what was not played then is
// left out. It never returns a pass for something it did not play.
func (r *Runner) RunScenario(ctx context.Context, t scenario.Target, s scenario.Scenario) []outcome.Result {
	defer r.beginScenario()()
	var results []outcome.Result
	for _, role := range s.RolesOn(t) {
		results = append(results, r.runAs(ctx, t, s, role)...)
	}
	return results
}

func (r *Runner) runAs(ctx context.Context, t scenario.Target, s scenario.Scenario, role scenario.Role) []outcome.Result {
	start := time.Now()
	single := func(v outcome.Verdict, message string) []outcome.Result {
		return []outcome.Result{{Target: t.Name, Scenario: s.ID, Level: s.Level, Verdict: v,
			Message: message, Elapsed: outcome.MillisOf(time.Since(start))}}
	}
	if s.AppliesTo(role) { // else the scenario is for both programs together
		t = t.InRole(role)
	}
	b, err := r.prepareTarget(ctx, t)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, scenario.ErrUnsupported):
		return single(outcome.Unsupported, err.Error())
	case errors.Is(err, rig.ErrControl) || peerFailed(err):
		return r.writeControl(b, single(outcome.Blocked, err.Error()))
	case err != nil:
		return single(outcome.Invalid, err.Error())
	}
	c := r.caseOf(b, s, role)
	variants, err := r.deriveVariants(s, c)
	all := variants
	variants = r.selectVariants(b.sampleVariants(s, all))
	switch {
	case errors.Is(err, scenario.ErrUnsupported):
		return single(outcome.Unsupported, err.Error())
	case err != nil:
		return single(outcome.Invalid, err.Error())
	case len(variants) == 0 && len(all) > 0:
		return single(outcome.Unsupported, fmt.Sprintf("%s%q; %s", noVariant, r.config.Variant, describeVariants(all)))
	case len(variants) == 0:
		return single(outcome.Unsupported, fmt.Sprintf("%v: the conversation has no offset for this fault", scenario.ErrUnsupported))
	}
	skipped := ""
	if r.config.Sweep == defaultSweep || r.config.Zoo {
		variants, skipped = sampleAffordable(c, variants, r.config.affordableCPU(t))
	}
	if variants = r.config.Parts[s.ID+" on "+t.Name].pickVariants(variants); len(variants) == 0 {
		return nil // its variants belong to another shard
	}
	p := &scenarioRun{runner: r, target: b, scenario: s, tc: c, skipped: skipped}
	results := p.runVariants(ctx, variants)
	b.attachControl(results)
	b.notePlanted(results)
	b.addRemarksTo(results)
	return results
}

const noVariant = "unsupported: it has no variant "

// describeVariants lists the variants, for a user who asked for one that does not exist.
func describeVariants(all []scenario.Variant) string {
	switch {
	case len(all) > 1:
		return fmt.Sprintf("it has %d, the first is %q", len(all), all[0].Name)
	case all[0].Name == "":
		return "it has one, without a name"
	}
	return fmt.Sprintf("it has only %q", all[0].Name)
}

// LacksVariant reports whether a result says no more than that the scenario has no variant
// of the name in [Config.Variant].
func LacksVariant(r outcome.Result) bool {
	return r.Verdict == outcome.Unsupported && strings.HasPrefix(r.Message, noVariant)
}

// peerFailed reports whether a program of the user does not run, or does not listen.
func peerFailed(err error) bool {
	ours := errors.Is(err, sock.ErrUnsupported) // this system does not tell where it listens
	return errors.As(err, new(*peer.Error)) && !ours || errors.Is(err, rig.ErrNotReachable)
}

func (r *Runner) selectVariants(variants []scenario.Variant) []scenario.Variant {
	if r.config.Variant == "" {
		return variants
	}
	return slices.DeleteFunc(variants, func(v scenario.Variant) bool { return v.Name != r.config.Variant })
}
