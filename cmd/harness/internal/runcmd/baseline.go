package runcmd

import (
	"errors"
	"io"
	"io/fs"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/report"
)

// loadBaseline reads the file of --baseline, which an update may have to make.
func (e *execution) loadBaseline() error {
	if e.flags.baseline == "" {
		return nil
	}
	d, err := report.ReadFile(e.flags.baseline)
	switch {
	case e.flags.updateBaseline && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return cli.UsageErrorf("--baseline %s: no such file; --update-baseline creates it", e.flags.baseline)
	case err != nil:
		return cli.UsageErrorf("--baseline %s: %v", e.flags.baseline, err)
	}
	e.baseline = &d
	return nil
}

// applyBaseline holds the document against the baseline, after an update if one is asked
// for. The document is whole whatever the error, which is about the file.
func (e *execution) applyBaseline(d outcome.Run) (outcome.Run, error) {
	if e.flags.baseline == "" {
		return d, nil
	}
	old := outcome.Run{}
	if e.baseline != nil {
		old = *e.baseline
	}
	compared := d.CompareWith(e.flags.baseline, old, e.flags.strict)
	if !e.flags.updateBaseline {
		return compared, nil
	}
	if d.Stopped != "" || len(d.Problems) > 0 {
		e.printNote("%s is not updated: the run is not whole\n", e.flags.baseline)
		return compared, nil
	}
	if err := report.WriteFile(e.flags.baseline, func(w io.Writer) error { return report.WriteJSON(w, d.AsBaseline()) }); err != nil {
		return compared, err
	}
	said := report.CountStates(*compared.Baseline)
	if e.baseline == nil && compared.Baseline.Counts[outcome.New] == 0 {
		said = plural.Count(len(d.Results), "result") // of a file that was not there, nothing has changed
	}
	e.printNote("%s: updated: %s\n", e.flags.baseline, said)
	return d.CompareWith(e.flags.baseline, d, e.flags.strict), nil
}
