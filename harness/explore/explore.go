// Package explore searches the fault space of one conversation: every fault at every
// byte of what two peers say to each other, and what a program under test makes of it.
//
//	result, err := explore.Run(ctx, explore.Options{Target: target, Role: scenario.Server, Budget: time.Minute})
//	for _, f := range result.Findings {
//		fmt.Println(f.Severity, f.Rule)
//	}
//
// A [Point] is one fault at one place. A [Finding] is all points with one forbidden
// signature, told as a range with a rule. Points are played in a hurry; what looks wrong
// is played again alone, and a finding is confirmed three times. The rules need no
// protocol knowledge: the same bytes however they are cut, no answer to half a request,
// no success on half an answer, alive, serving, idle and without leaks afterwards.
package explore

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
)

// Options say what is explored, and how far. The zero values of the limits are none.
type Options struct {
	Target       scenario.Target // what is explored
	Role         scenario.Role   // of the peer under test
	Seed         int64           // seed of all that is random
	Budget       time.Duration   // for the search; 0: until every point was played
	Points       int             // most points; 0: all
	Pairs        bool            // two faults, too
	Faults       []Fault         // only these; nil: all
	Shard        outcome.Shard   // zero: the whole
	Tmp          string          // folder for the files of processes
	Self         string          // path of the harness binary, for {self} in commands
	StartTimeout time.Duration   // time limit for a server to start; 0: the default of the package peer
	First        []Finding       // of earlier runs, which are played first
	Observe      func(Event)     // what happens, in order, from one goroutine at a time; may be nil
}

// resolveScript returns the script of the target's dialogue, which depends on the seed alone:
// on TLS what is said within it.
func (o Options) resolveScript(d *dialogue.Dialogue) (*dialogue.Script, error) {
	script, err := o.fixScript(d)
	if err != nil {
		return nil, err
	}
	transport := o.Target.Transport()
	switch {
	case transport == scenario.UDP:
		script = script.WithDatagrams()
	case script.ConnectionCount() > 0 && transport != scenario.TCP && transport != scenario.TLS:
		return nil, fmt.Errorf("%w: its dialogue connects to a port (connect), and its transport is %s", ErrUnusable, transport)
	}
	if host, _, err := net.SplitHostPort(o.Target.Server.Address); err == nil {
		script = script.WithDataHost(host)
	}
	return script, nil
}

func (o Options) fixScript(d *dialogue.Dialogue) (*dialogue.Script, error) {
	return d.ScriptWithKeys(seed.New(o.Seed).SplitBy(o.Target.Name), dialogue.NewKeys(fmt.Sprint(o.Seed)))
}

// resolveBefore returns what is said before TLS; nil where nothing is.
func (o Options) resolveBefore() (*dialogue.Script, error) {
	d, err := o.Target.ParseBeforeTLS()
	if err != nil || d == nil {
		return nil, err
	}
	return o.fixScript(d)
}

// A Plan is the size of the space.
type Plan struct {
	Points   int      `json:"points"`                 // number of points
	Upstream int64    `json:"upstream_bytes"`         // bytes that the client sends
	Down     int64    `json:"downstream_bytes"`       // bytes that the server sends
	Packets  [2]int   `json:"datagrams,omitzero"`     // to the server and to the client, over UDP
	Rate     float64  `json:"points_per_second"`      // of a sample
	Seconds  float64  `json:"expected_seconds"`       // expected time of the whole space
	Outside  []string `json:"out_of_reach,omitempty"` // and why
	Unstable []string `json:"unstable,omitempty"`     // what is not compared, and why
}

// A Result is what a search came to.
type Result struct {
	Plan       Plan          // size of the space
	Played     int           // points that were run
	NotReached int           // points that the conversation did not get to
	Left       int           // points that there was no time for
	Complete   bool          // every point was played
	Elapsed    time.Duration // time of the search
	FirstAfter time.Duration // from the first point to the first finding
	Findings   []Finding     // what was found, most severe first
	Remarks    []Remark      // what the target does not declare
	Unsteady   []string      // what was seen and could not be confirmed
	Strips     []Strip       // what became of each byte
}

// A Remark is what the target does not declare, and would be a finding if it did.
type Remark struct {
	Rule    string `json:"rule"`             // what was seen
	Detail  string `json:"detail,omitempty"` // where it was seen
	Declare string `json:"declare"`          // the line of YAML
}

// newSubject returns the peer under test.
func newSubject(o Options) (subject, error) {
	if o.Role == scenario.Server {
		return newServerSubject(o)
	}
	return newClientSubject(o)
}

// Run searches until the budget is over, every point was played, or the context ends;
// then the result tells what is known, and the error is nil. The error wraps
// [ErrUnusable] when the target cannot be explored.
func Run(ctx context.Context, o Options) (Result, error) {
	e, err := newSearch(ctx, o)
	if err != nil {
		return Result{}, err
	}
	defer e.subject.close()
	return e.run(ctx), nil
}

// Estimate calibrates the target, plays a sample of its points and tells how large the
// space is. Errors are those of [Run].
func Estimate(ctx context.Context, o Options) (Plan, error) {
	e, err := newSearch(ctx, o)
	if err != nil {
		return Plan{}, err
	}
	defer e.subject.close()
	return e.estimate(ctx), nil
}
