package coordinator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// NeedsProbe reports whether the indexes that [PlanSpecs] has found may be wrong: a
// container is nested in, or around, an Ordered one, and a preview does not tell which.
func NeedsProbe(preview types.Report) bool {
	return slices.ContainsFunc(preview.SpecReports, func(r types.SpecReport) bool {
		return r.IsInOrderedContainer && len(r.ContainerHierarchyTexts) > 1
	})
}

// ProbeIndexes asks a foreign suite which specs it runs under which index, and
// corrects the specs. The command must run the suite as worker of the given parallel
// settings, with a filter that skips every spec, so that nothing of it runs.
func ProbeIndexes(ctx context.Context, specs []Spec, command func(parallel types.SuiteConfig) *exec.Cmd) error {
	srv, err := listenServer(ctx)
	if err != nil {
		return err
	}
	p := &indexProbe{indexes: map[string][]int{}, last: -1}
	if err := srv.serveCalls(p); err != nil {
		return err
	}
	defer srv.drainCalls()
	cmd := command(types.SuiteConfig{ParallelProcess: 2, ParallelTotal: 2, ParallelHost: srv.listenAddr()})
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "GINKGO_PARALLEL_PROTOCOL=")
	_ = cmd.Run() // a suite of skipped specs may call that a failure
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.correct(specs)
}

// An indexProbe answers as a coordinator that hands out one index after the other, and
// notes which specs come back. It has the methods of Ginkgo's protocol.
type indexProbe struct {
	mu      sync.Mutex // guards what follows
	last    int
	indexes map[string][]int // by the key that tells specs apart
}

func probeKey(r types.SpecReport) string { return r.FullText() + "\n" + r.LeafNodeLocation.String() }

func (p *indexProbe) correct(specs []Spec) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, s := range specs {
		if s.Serial {
			continue
		}
		key := probeKey(s.Preview)
		if len(p.indexes[key]) == 0 {
			return fmt.Errorf("%w: the suite does not list %q a second time", errMisfit, s.Name)
		}
		specs[i].Index, p.indexes[key] = p.indexes[key][0], p.indexes[key][1:]
	}
	return nil
}

// Counter hands out the next index.
func (p *indexProbe) Counter(_ void, index *int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	*index = p.last
	return nil
}

// DidRun notes under which index a spec is.
func (p *indexProbe) DidRun(r types.SpecReport, _ *void) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.LeafNodeType.Is(types.NodeTypeIt) && !r.IsSerial {
		p.indexes[probeKey(r)] = append(p.indexes[probeKey(r)], p.last)
	}
	return nil
}

// The other calls of a suite that has no spec to run.

func (p *indexProbe) SpecSuiteWillBegin(types.Report, *void) error            { return nil }
func (p *indexProbe) SpecSuiteDidEnd(types.Report, *void) error               { return nil }
func (p *indexProbe) EmitProgressReport(types.ProgressReport, *void) error    { return nil }
func (p *indexProbe) Abort(void, *void) error                                 { return nil }
func (p *indexProbe) HaveNonprimaryProcsFinished(void, *void) error           { return nil }
func (p *indexProbe) BeforeSuiteCompleted(beforeSuite, *void) error           { return nil }
func (p *indexProbe) ReportBeforeSuiteCompleted(types.SpecState, *void) error { return nil }

func (p *indexProbe) EmitOutput(output []byte, n *int) error {
	*n = len(output)
	return nil
}

func (p *indexProbe) ShouldAbort(_ void, answer *bool) error {
	*answer = false
	return nil
}

func (p *indexProbe) ReportBeforeSuiteState(_ void, state *types.SpecState) error {
	*state = types.SpecStatePassed
	return nil
}

func (p *indexProbe) BeforeSuiteState(_ void, b *beforeSuite) error {
	b.State = types.SpecStatePassed
	return nil
}

func (p *indexProbe) AggregatedNonprimaryProcsReport(_ void, r *types.Report) error {
	now := time.Now()
	*r = types.Report{SuiteSucceeded: true, StartTime: now, EndTime: now}
	return nil
}
