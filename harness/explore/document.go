package explore

import (
	"encoding/json"
	"io"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A Document is the JSON result of an exploration: a run, with what was found.
type Document struct {
	outcome.Run
	Findings []Finding `json:"findings"`
	Searches []Search  `json:"searches"`
}

// Write writes the document as JSON.
func (d Document) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

// A Search tells how far one target was explored.
type Search struct {
	Target     string         `json:"target"`
	Role       scenario.Role  `json:"role"`
	Plan       Plan           `json:"plan"`
	Points     int            `json:"points"`
	NotReached int            `json:"not_reached"`
	Left       int            `json:"left"`
	Complete   bool           `json:"complete"`
	Elapsed    outcome.Millis `json:"elapsed_ms"`
	Rate       float64        `json:"points_per_second"`
	FirstAfter outcome.Millis `json:"first_finding_ms,omitempty"`
	Remarks    []Remark       `json:"remarks,omitempty"`
	Unsteady   []string       `json:"unconfirmed,omitempty"`
	Strips     []Strip        `json:"strips,omitempty"`
}
