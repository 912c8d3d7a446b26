package explorecmd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// explored is one target, explored.
type explored struct {
	target scenario.Target
	result explore.Result
}

func (x *exploration) document() explore.Document {
	d := explore.Document{Findings: []explore.Finding{}, Searches: []explore.Search{}}
	var results []outcome.Result
	for _, one := range x.results {
		r := one.result
		d.Findings = append(d.Findings, r.Findings...)
		d.Searches = append(d.Searches, explore.Search{Target: one.target.Name, Role: one.target.Test, Plan: r.Plan, Points: r.Played, NotReached: r.NotReached,
			Left: r.Left, Complete: r.Complete, Elapsed: outcome.MillisOf(r.Elapsed), Rate: perSecond(r), FirstAfter: outcome.MillisOf(r.FirstAfter),
			Remarks: r.Remarks, Unsteady: r.Unsteady, Strips: r.Strips})
		results = append(results, x.resultsOf(one)...)
	}
	d.Run = outcome.FoldResults(x.flags.seed, x.began, time.Since(x.began), results)
	d.Problems = x.problems
	if part := x.flags.part; part.Total > 0 {
		part.Plan = x.fingerprint()
		d.Shard = &part
	}
	return d
}

// fingerprint is the same for all shards of one space.
func (x *exploration) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, "explore", x.flags.faults, x.flags.pairs)
	for _, one := range x.results {
		fmt.Fprintln(h, one.target.Name, one.target.Test, one.result.Plan.Upstream, one.result.Plan.Down)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// resultsOf says the findings as a run does, so that every report of a run can show them.
func (x *exploration) resultsOf(one explored) []outcome.Result {
	var all []outcome.Result
	for _, f := range one.result.Findings {
		r := outcome.Result{Target: one.target.Name, Scenario: "explore/" + f.Code, Variant: f.ID, Level: outcome.Must, Verdict: outcome.Fail,
			Message: f.Rule + "\n" + f.Detail, Replay: f.Replay, Cause: f.ID, Share: &outcome.Confirmation{Failed: f.Confirmed, Runs: 3}}
		if f.Severity == explore.Noise {
			r.Level = outcome.Should
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		all = append(all, outcome.Result{Target: one.target.Name, Scenario: "explore/search", Level: outcome.Must, Verdict: outcome.Pass,
			Elapsed: outcome.MillisOf(one.result.Elapsed)})
	}
	for _, remark := range one.result.Remarks {
		last := &all[len(all)-1]
		last.Remarks = append(last.Remarks, outcome.Remark{Text: remark.Rule, Declare: remark.Declare})
	}
	return all
}

func perSecond(r explore.Result) float64 {
	if s := r.Elapsed.Seconds(); s > 0 {
		return float64(r.Played) / s
	}
	return 0
}

// writeReports writes every format that is asked for. The JSON has the findings too.
func (x *exploration) writeReports(d explore.Document) error {
	x.flags.outputs.WriteJSON = d.Write
	return errors.Join(x.flags.outputs.WriteAll(x.stdout, d.Run, false)...)
}

// loadBaseline reads the findings of an earlier result.
func (f *exploreFlags) loadBaseline() (map[string]explore.Finding, error) {
	if f.baseline == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.baseline)
	if err != nil {
		return nil, cli.UsageErrorf("--baseline %s: %v", f.baseline, cli.UnderlyingOSError(err))
	}
	var d struct {
		Version  int                `json:"version"`
		Findings *[]explore.Finding `json:"findings"`
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&d); err != nil {
		return nil, cli.UsageErrorf("--baseline %s: no result of harness explore --json: %v", f.baseline, err)
	}
	if d.Findings == nil {
		return nil, cli.UsageErrorf("--baseline %s: no result of harness explore --json: it has no findings", f.baseline)
	}
	before := map[string]explore.Finding{}
	for _, one := range *d.Findings {
		before[one.ID] = one
	}
	return before, nil
}

// counts reports whether a finding turns the exploration red.
func (x *exploration) counts(f explore.Finding) bool {
	if f.Severity == explore.Noise {
		return false
	}
	return x.before == nil || f.State == explore.New || f.State == explore.Regressed
}
