package suite

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
)

// aheadInterval is how often a worker asks what else it may play.
const aheadInterval = 50 * time.Millisecond

// A parallelRuns plays scenarios side by side, each on servers of its own: that which was handed out,
// and those that it will run next. What waits does so beside the others.
type parallelRuns struct {
	play    func(context.Context, ScenarioRunner, pair) []outcome.Result
	context context.Context // of what is played ahead
	cancel  context.CancelFunc
	tasks   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    []*runner.Runner
	idle   []*runner.Runner // those that play nothing now; the last one was used last
	begun  map[string]*aheadRun
	taken  map[string]bool // what was handed out: an answer that was on its way may name it still
	wide   bool            // something may be played ahead
	closed bool
}

// An aheadRun is a scenario that is played ahead.
type aheadRun struct {
	cancel  context.CancelFunc
	done    chan struct{} // closed when what follows is known
	results []outcome.Result
	panic   string // and where it was; empty: none
}

// newParallelRuns returns parallel runs of which the first is the runner's. The caller must close them.
func newParallelRuns(ctx context.Context, first *runner.Runner, play func(context.Context, ScenarioRunner, pair) []outcome.Result) *parallelRuns {
	l := &parallelRuns{play: play, all: []*runner.Runner{first}, idle: []*runner.Runner{first}, begun: map[string]*aheadRun{}, taken: map[string]bool{}}
	l.context, l.cancel = context.WithCancel(ctx)
	return l
}

// closeAll ends what is played and every server. It blocks until all of them have ended.
func (l *parallelRuns) closeAll() {
	l.closeRunners()
	l.tasks.Wait()
}

// closeRunners is closeAll without the wait for what is played.
func (l *parallelRuns) closeRunners() {
	l.mu.Lock()
	l.closed = true
	all := l.all
	l.mu.Unlock()
	l.cancel()
	for _, r := range all {
		r.Close()
	}
}

// playNow plays what was handed out, or waits for it where it was begun ahead.
func (l *parallelRuns) playNow(ctx context.Context, p pair) []outcome.Result {
	run := l.takeBegun(p.name)
	if run == nil {
		r := l.takeRunner()
		defer l.returnRunner(r)
		return l.play(ctx, r, p)
	}
	stop := context.AfterFunc(ctx, run.cancel)
	defer stop()
	<-run.done
	if run.panic != "" {
		panic(run.panic)
	}
	return run.results
}

func (l *parallelRuns) takeBegun(name string) *aheadRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := l.begun[name]
	delete(l.begun, name)
	l.taken[name] = true
	return run
}

// takeRunner returns a runner that plays nothing.
func (l *parallelRuns) takeRunner() *runner.Runner {
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.idle) - 1; last >= 0 {
		r := l.idle[last]
		l.idle = l.idle[:last]
		return r
	}
	r := l.all[0].NewSibling()
	if l.closed {
		r.Close()
	}
	l.all = append(l.all, r)
	return r
}

func (l *parallelRuns) returnRunner(r *runner.Runner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = append(l.idle, r)
}

// playAhead begins a scenario, unless it was begun before.
func (l *parallelRuns) playAhead(p pair) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.begun[p.name] != nil || l.taken[p.name] || l.closed {
		return
	}
	ctx, cancel := context.WithCancel(l.context)
	run := &aheadRun{cancel: cancel, done: make(chan struct{})}
	l.begun[p.name] = run
	l.tasks.Go(func() {
		defer close(run.done)
		defer cancel()
		r := l.takeRunner()
		defer l.returnRunner(r)
		defer func() {
			if v := recover(); v != nil {
				run.panic = fmt.Sprintf("%v\n%s", v, debug.Stack())
			}
		}()
		run.results = l.play(ctx, r, p)
	})
}

// followAhead begins what the coordinator names, whenever it names more, until the context
// of these runs ends.
func (l *parallelRuns) followAhead(ask func(context.Context) ([]pair, error)) {
	tick := time.NewTicker(aheadInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.context.Done():
			return
		case <-tick.C:
		}
		l.beginAhead(l.context, ask)
	}
}

// refillAhead is beginAhead where something may be begun at all: a call for each spec is a
// part of what a short one costs.
func (l *parallelRuns) refillAhead(ctx context.Context, ask func(context.Context) ([]pair, error)) {
	l.mu.Lock()
	wide := l.wide
	l.mu.Unlock()
	if wide {
		l.beginAhead(ctx, ask)
	}
}

// beginAhead begins what may be begun now. Where that cannot be asked, nothing is: the
// other calls say why.
func (l *parallelRuns) beginAhead(ctx context.Context, ask func(context.Context) ([]pair, error)) {
	pairs, err := ask(ctx)
	if err != nil {
		return
	}
	l.mu.Lock()
	l.wide = len(pairs) > 0
	l.mu.Unlock()
	for _, p := range pairs {
		l.playAhead(p)
	}
}
