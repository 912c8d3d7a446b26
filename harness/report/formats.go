package report

import (
	"io"

	"github.com/sockharness/harness/harness/outcome"
)

// A Format is one way to write a document. With strict, failures of level should are red.
type Format struct {
	Name    string                                              // name of the flag that writes it
	Summary string                                              // one line for the help
	Write   func(w io.Writer, d outcome.Run, strict bool) error // writes the run; strict: level should counts too
}

// Formats lists the formats for machines and for browsers; [WriteText] is for terminals.
func Formats() []Format {
	return []Format{
		{"json", "the JSON result", func(w io.Writer, d outcome.Run, _ bool) error { return WriteJSON(w, d) }},
		{"junit", "JUnit XML", WriteJUnit},
		{"ctrf", "CTRF JSON", WriteCTRF},
		{"tap", "TAP version 14", WriteTAP},
		{"md", "a Markdown summary", WriteMarkdown},
		{"github", "GitHub annotations", WriteGitHub},
		{"gitlab", "a GitLab code quality report", WriteGitLab},
		{"sarif", "SARIF 2.1.0", WriteSARIF},
		{"html", "one HTML file", WriteHTML},
	}
}

// FindFormat returns the format of the name.
func FindFormat(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}
