// Package outputs is the files that run, explore and report write: a flag for each format of
// harness/report.
//
//	var o outputs.Flags
//	o.RegisterFlags(cmd.Flags())
//	err := o.CheckPaths()               // before anything runs
//	errs := o.WriteAll(out, document, false) // each file, whatever becomes of the others
package outputs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// Flags say which files are written.
type Flags struct {
	// WriteJSON writes what --json gets instead of the document alone; nil: that.
	WriteJSON func(io.Writer) error

	paths  map[string]*string // by format
	github bool
}

// RegisterFlags adds --json FILE, --junit FILE and one for each other format.
func (f *Flags) RegisterFlags(flags *pflag.FlagSet) {
	f.paths = map[string]*string{}
	flags.BoolVar(&f.github, "github", false, "print GitHub annotations, and append the Markdown summary to $GITHUB_STEP_SUMMARY")
	for _, format := range report.Formats() {
		if format.Name == "github" {
			continue
		}
		f.paths[format.Name] = flags.String(format.Name, "", "write "+format.Summary+" to `FILE` (- for stdout)")
	}
}

// Path returns the file of a format, empty for a format that is not written.
func (f *Flags) Path(format string) string {
	if p := f.paths[format]; p != nil {
		return *p
	}
	return ""
}

// Given reports whether any format is written.
func (f *Flags) Given() bool {
	for _, p := range f.paths {
		if *p != "" {
			return true
		}
	}
	return f.github
}

// CheckPaths finds files that cannot be written, and two reports for one standard output.
func (f *Flags) CheckPaths() error {
	if err := CheckStdout(f.StdoutFlags()); err != nil {
		return err
	}
	for _, format := range report.Formats() {
		if err := cli.CheckWritable(format.Name, f.Path(format.Name)); err != nil {
			return err
		}
	}
	return nil
}

// StdoutFlags returns the flags of the formats that go to standard output, as they are typed.
func (f *Flags) StdoutFlags() (all []string) {
	for _, format := range report.Formats() {
		if f.Path(format.Name) == "-" {
			all = append(all, "--"+format.Name+" -")
		}
	}
	return all
}

// CheckStdout refuses more than one output for the one standard output.
func CheckStdout(flags []string) error {
	if len(flags) > 1 {
		return cli.UsageErrorf("%s cannot both write to stdout; give all but one a file", strings.Join(flags, " and "))
	}
	return nil
}

// IsStdout reports whether a machine's report goes where people's would.
func (f *Flags) IsStdout() bool {
	for _, p := range f.paths {
		if *p == "-" {
			return true
		}
	}
	return false
}

// WriteAll writes every file, whatever became of the others. What is for GitHub's log goes
// to out, or to standard error where a report has standard output.
func (f *Flags) WriteAll(out io.Writer, d outcome.Run, strict bool) (errs []error) {
	if f.github {
		if f.IsStdout() {
			out = os.Stderr
		}
		errs = append(errs, report.WriteGitHub(out, d, strict), appendSummary(d, strict))
	}
	for _, format := range report.Formats() {
		write := func(w io.Writer) error { return format.Write(w, d, strict) }
		if format.Name == "json" && f.WriteJSON != nil {
			write = f.WriteJSON
		}
		if path := f.Path(format.Name); path != "" {
			errs = append(errs, report.WriteFile(path, write))
		}
	}
	return errs
}

// appendSummary adds the summary to those of the step's other commands.
func appendSummary(d outcome.Run, strict bool) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	if err := errors.Join(report.WriteMarkdown(file, d, strict), file.Close()); err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	return nil
}
