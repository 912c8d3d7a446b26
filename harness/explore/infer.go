package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// An Inference is a policy that a program seems to follow, and what speaks for it.
type Inference struct {
	Policy string // a line of YAML: "half_close: answer"
	Seen   string // what the program did
}

// inferBudget bounds the search that each group of policies is inferred from.
const inferBudget = 20 * time.Second

// InferPolicies tells which policies a program follows. It declares the strictest ones,
// and looks at what the program does against them. Errors are those of [Run].
func InferPolicies(ctx context.Context, o Options) ([]Inference, error) {
	if o.Role == scenario.Client {
		return inferClient(ctx, o)
	}
	return inferServer(ctx, o)
}

func inferServer(ctx context.Context, o Options) ([]Inference, error) {
	yes := true
	o.Target.Policies = scenario.Policies{HalfClose: scenario.HalfCloseAnswers, Truncated: scenario.TruncationIgnored, Pipelining: &yes}
	o.Budget, o.Faults, o.Observe = inferBudget, []Fault{FIN, HalfClose, Coalesce}, nil
	r, err := Run(ctx, o)
	if err != nil {
		return nil, err
	}
	all := []Inference{
		inferHalfClose(r),
		inferFrom(r, "half-request-answered", "truncated: ignored", "no answer came to a request that was cut off, at any byte", "truncated: accepted"),
	}
	if d, err := o.Target.ParseDialogue(); err == nil && len(d.Exchanges) > 1 {
		all = append(all, inferPipelining(r))
	}
	if idle, ok := inferIdle(ctx, o); ok {
		all = append(all, idle)
	}
	return all, nil
}

func find(r Result, code string) (Finding, bool) {
	at := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == code })
	if at < 0 {
		return Finding{}, false
	}
	return r.Findings[at], true
}

func inferFrom(r Result, code, without, seen, with string) Inference {
	if f, ok := find(r, code); ok {
		return Inference{with, f.Rule + ": " + headOf(f.Detail)}
	}
	return Inference{without, seen}
}

func inferHalfClose(r Result) Inference {
	f, lost := find(r, "lost-answer")
	switch {
	case !lost:
		return Inference{"half_close: answer", "every request was answered although a FIN followed it, at once or when it was read"}
	case strings.Contains(f.Detail, string(event.Reset)):
		return Inference{"half_close: abort", f.Rule + ": " + headOf(f.Detail)}
	}
	return Inference{"half_close: close", f.Rule + ": " + headOf(f.Detail)}
}

func inferPipelining(r Result) Inference {
	for _, f := range r.Findings {
		if strings.Contains(f.Rule, string(Coalesce)) {
			return Inference{"pipelining: false", f.Rule}
		}
	}
	return Inference{"pipelining: true", "two requests in one segment got both answers"}
}

// idleLimit is how long a server is watched that has a client which says nothing.
const idleLimit = 5 * time.Second

// inferIdle watches a connection on which nothing is said.
func inferIdle(ctx context.Context, o Options) (Inference, bool) {
	s, err := newServerSubject(o)
	if err != nil {
		return Inference{}, false
	}
	defer s.close()
	if s.start(ctx) != nil {
		return Inference{}, false
	}
	conn, err := s.way.connect(ctx, slowWait)
	if err != nil {
		return Inference{}, false
	}
	w := newWire(conn, nil)
	defer w.close()
	began := time.Now()
	for w.ending == event.Open && w.read(began.Add(idleLimit)) {
	}
	if w.ending == event.Open {
		return Inference{}, false
	}
	took := time.Since(began)
	return Inference{fmt.Sprintf("idle_timeout: %s", roundUp(took)), fmt.Sprintf("a connection on which the client said nothing was ended after %s", took.Round(time.Millisecond))}, true
}

// roundUp leaves a declared time some room.
func roundUp(d time.Duration) time.Duration {
	return (d + d/5).Truncate(100*time.Millisecond) + 100*time.Millisecond
}

func inferClient(ctx context.Context, o Options) ([]Inference, error) {
	o.Target.Policies = scenario.Policies{}
	s, err := newClientSubject(o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	l, err := s.calibrate(ctx)
	if err != nil {
		return nil, err
	}
	s.every = true // policies bound all attempts together, and the second of them may work
	half := Point{Direction: event.Downstream, Offset: l.down.ByteCount() / 2, Fault: FIN}
	cut := s.run(ctx, &half, inferBudget, true, false)
	refused := s.run(ctx, &Point{Fault: Refuse, Conn: 1}, inferBudget, true, false)
	silent := s.run(ctx, &Point{Direction: event.Downstream, Offset: l.down.ByteCount() / 2, Fault: Stall}, inferBudget, true, false)
	var all []Inference
	if !cut.late && cut.exit.Code > 0 && !refused.late && refused.exit.Code > 0 {
		all = append(all, Inference{fmt.Sprintf("exit: {failed: %d, refused: %d}", cut.exit.Code, refused.exit.Code),
			"it ended so when half of the answers came, and when the connect was refused"})
	}
	switch n := cut.accepted - 1; {
	case n > 0 && cut.late:
		all = append(all, Inference{"retries: forever", fmt.Sprintf("each connection broke off, and it went on connecting for %s", cut.took.Round(time.Millisecond))})
	case n > 0:
		all = append(all, Inference{fmt.Sprintf("retries: %d", n), fmt.Sprintf("it connected %s more when each connection broke off", plural.Count(n, "time"))})
	}
	if !silent.late {
		all = append(all, Inference{fmt.Sprintf("answer_timeout: %s", roundUp(silent.took)), fmt.Sprintf("it ended %s after the answers fell silent", silent.took.Round(time.Millisecond))})
	}
	if len(l.script.Greeting) > 0 {
		s.every = false
		all = append(all, inferGreeting(ctx, s))
	}
	return all, nil
}

// inferGreeting looks whether the client speaks before the server's greeting.
func inferGreeting(ctx context.Context, s *clientSubject) Inference {
	p := &Point{Direction: event.Downstream, Offset: 0, Fault: Stall}
	run := s.run(ctx, p, s.quick, true, false)
	if len(run.upstream) > 0 {
		return Inference{"greeting: false", fmt.Sprintf("it sent %s before the greeting", plural.Count(len(run.upstream), "byte"))}
	}
	return Inference{"greeting: true", "it sent nothing before the greeting"}
}
