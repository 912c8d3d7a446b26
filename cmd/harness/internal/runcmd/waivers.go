package runcmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/harness/waiver"
	"github.com/sockharness/harness/scenarios"
)

// loadWaivers reads the file of --waivers, which an update may have to make.
func (f *runFlags) loadWaivers() (waiver.File, error) {
	if f.waivers == "" {
		return waiver.File{}, nil
	}
	file, err := waiver.LoadFile(f.waivers)
	switch {
	case f.update && errors.Is(err, fs.ErrNotExist):
		return waiver.NewFile(f.waivers), nil
	case err != nil:
		return file, cli.UsageErrorf("--waivers: %s", targets.ConfigMessage(f.waivers, err))
	}
	return file, nil
}

// waiverScope is all that waivers may speak of, selected or not.
func (e *execution) waiverScope() waiver.Scope {
	s := waiver.Scope{Today: time.Now(), More: !e.wholeFolders}
	topics := scenarios.Topics()
	if len(e.files.Summaries) > 0 {
		topics = append(topics, suite.Files(e.files.Summaries, e.files.Sources))
	}
	for _, target := range e.allTargets {
		for _, topic := range topics {
			for _, one := range topic.List() {
				applies := one.Fits(target)
				for _, role := range target.TestedRoles() {
					applies = applies || one.AppliesTo(role)
				}
				if applies {
					id := one.ID + " on " + target.Name
					s.Specs = append(s.Specs, waiver.Spec{Target: target.Name, Scenario: one.ID, Played: e.played[id] && e.flags.variant == ""})
				}
			}
		}
	}
	for _, suite := range e.goSuites {
		for _, spec := range suite.Specs {
			name := suite.SpecName(spec.Name)
			s.Specs = append(s.Specs, waiver.Spec{Target: suite.Name, Scenario: spec.Name, Played: e.played[name]})
		}
	}
	return s
}

// applyWaivers applies the waivers, after an update if one is asked for. The document
// is whole whatever the error, which is about the file.
func (e *execution) applyWaivers(d outcome.Run) (outcome.Run, error) {
	if e.flags.waivers == "" {
		return d, nil
	}
	scope := e.waiverScope()
	if !e.flags.update {
		return e.waivers.ApplyTo(d, scope), nil
	}
	if d.Stopped != "" {
		e.printNote("%s is not updated: the run was stopped (%s)\n", e.flags.waivers, d.Stopped)
		return e.waivers.ApplyTo(d, scope), nil
	}
	next, changes, err := e.waivers.UpdateWith(d, scope, e.flags.strict)
	if err == nil {
		err = e.rewriteWaivers(next, changes)
	}
	if err != nil {
		return e.waivers.ApplyTo(d, scope), err
	}
	return next.ApplyTo(d, scope), nil
}

// rewriteWaivers puts the new text in place of the one that was read, and of no other.
func (e *execution) rewriteWaivers(next waiver.File, changes waiver.Changes) error {
	if changes.IsEmpty() {
		e.printNote("%s is not changed\n", next.Path)
		return nil
	}
	there, err := os.ReadFile(next.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("waivers update: %w", err)
	}
	if !bytes.Equal(there, e.waivers.RawText()) {
		return fmt.Errorf("waivers update: %s was changed by another program during the run, so it is not updated; run again", next.Path)
	}
	err = report.WriteFile(next.Path, func(w io.Writer) error { _, err := w.Write(next.RawText()); return err })
	if err != nil {
		return err
	}
	reasons := ""
	if len(changes.Added) > 0 {
		reasons = ", fill in their reasons"
	}
	e.printNote("%s: %d added%s; %d deleted\n", next.Path, len(changes.Added), reasons, len(changes.Dropped))
	return nil
}

// printNote tells people something beside the report.
func (e *execution) printNote(format string, args ...any) {
	if e.toStdout() {
		fmt.Fprintf(os.Stderr, format, args...)
		return
	}
	e.terminal.Printf(format, args...)
}
