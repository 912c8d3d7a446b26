package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/waiver"
	"github.com/sockharness/harness/scenarios"
)

// loadWaivers reads the file of --waivers, which an update may have to make.
func (f *runFlags) loadWaivers() (waiver.File, error) {
	if f.waivers == "" {
		return waiver.File{}, nil
	}
	file, err := waiver.Load(f.waivers)
	switch {
	case f.update && errors.Is(err, fs.ErrNotExist):
		return waiver.New(f.waivers), nil
	case err != nil:
		return file, usage("--waivers: %s", configMessage(f.waivers, err))
	}
	return file, nil
}

// scope is all that waivers may speak of, selected or not.
func (e *execution) scope() waiver.Scope {
	s := waiver.Scope{Today: time.Now()}
	for _, target := range e.universe {
		for _, topic := range scenarios.Topics() {
			for _, one := range topic.List() {
				applies := false
				for _, role := range target.Roles() {
					applies = applies || one.For(role)
				}
				if applies {
					id := one.ID + " on " + target.Name
					s.Specs = append(s.Specs, waiver.Spec{Target: target.Name, Scenario: one.ID, Played: e.played[id] && e.flags.variant == ""})
				}
			}
		}
	}
	return s
}

// waive applies the waivers, after an update if one is asked for. The document
// is whole whatever the error, which is about the file.
func (e *execution) waive(d outcome.Document) (outcome.Document, error) {
	if e.flags.waivers == "" {
		return d, nil
	}
	scope := e.scope()
	if !e.flags.update {
		return e.waivers.Apply(d, scope), nil
	}
	if d.Stopped != "" {
		e.remark("%s is not updated: the run was stopped (%s)\n", e.flags.waivers, d.Stopped)
		return e.waivers.Apply(d, scope), nil
	}
	next, changes, err := e.waivers.Update(d, scope, e.flags.strict)
	if err == nil {
		err = e.rewrite(next, changes)
	}
	if err != nil {
		return e.waivers.Apply(d, scope), err
	}
	return next.Apply(d, scope), nil
}

// rewrite puts the new text in place of the one that was read, and of no other.
func (e *execution) rewrite(next waiver.File, changes waiver.Changes) error {
	if changes.None() {
		e.remark("%s stays as it is\n", next.Path)
		return nil
	}
	there, err := os.ReadFile(next.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("waivers update: %w", err)
	}
	if !bytes.Equal(there, e.waivers.Text()) {
		return fmt.Errorf("waivers update: %s was changed while the run went on; it is left as it is, run again", next.Path)
	}
	err = report.Write(next.Path, func(w io.Writer) error { _, err := w.Write(next.Text()); return err })
	if err != nil {
		return err
	}
	reasons := ""
	if len(changes.Added) > 0 {
		reasons = ", whose reasons are for you to write"
	}
	e.remark("%s: %d added%s; %d dropped\n", next.Path, len(changes.Added), reasons, len(changes.Dropped))
	return nil
}

// remark tells people something beside the report.
func (e *execution) remark(format string, args ...any) {
	if e.toStdout() {
		fmt.Fprintf(os.Stderr, format, args...)
		return
	}
	e.terminal.printf(format, args...)
}
