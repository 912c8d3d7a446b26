package scenariofile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
	"github.com/sockharness/harness/harness/waiver"
)

// A Report is what a look at files has found.
type Report struct {
	Files    int               // number of files
	Errors   strictyaml.Errors // what is wrong
	Warnings strictyaml.Errors // what is odd and no error
	Sources  []Source          // the files, for the lines that messages show
}

// LintFiles reads all files of the harness that the paths name (harness.yaml,
// dialogues, waivers and scenarios; in folders, every *.yaml and *.yml that is one
// of them) and runs nothing. It wraps [ErrNone] where there is none.
func LintFiles(stdin io.Reader, paths ...string) (Report, error) {
	var r Report
	var dec strictyaml.Decoder
	var all, own []document
	for _, path := range paths {
		found, err := readDocuments(stdin, path, func(d document) bool { return d.kind() != "" })
		dec.AddError(err)
		all = append(all, found...)
	}
	for _, d := range uniqueDocuments(all) {
		r.Sources = append(r.Sources, d.Source)
		if kind := d.kind(); kind != "scenario" {
			dec.AddError(lintOther(kind, d.Source))
			continue
		}
		own = append(own, d)
	}
	definitions, err := decodeAll(own)
	dec.AddError(err)
	for _, d := range definitions {
		r.Warnings = append(r.Warnings, d.Warnings...)
	}
	r.Files = len(r.Sources)
	errors.As(dec.Err(), &r.Errors)
	if r.Files == 0 && len(r.Errors) == 0 {
		return r, fmt.Errorf("%s: %w", strings.Join(paths, ", "), ErrNone)
	}
	return r, nil
}

// lintOther checks a file that holds no scenarios.
func lintOther(kind string, s Source) error {
	var err error
	switch kind {
	case "config":
		_, err = scenario.ParseConfig(s.File, s.Text, os.ReadFile)
	case "dialogue":
		_, err = dialogue.Parse(s.File, s.Text)
	case "waivers":
		_, err = waiver.ParseText(s.File, s.Text)
	case "": // in folders such files are left out; this one was named
		if _, err = strictyaml.ParseText(s.File, s.Text); err == nil {
			err = strictyaml.Error{File: s.File, Line: 1, Column: 1, Message: "the file is of no kind that harness knows",
				Hint: "want one with the key scenario, dialogue, targets or waivers"}
		}
	}
	return err
}
