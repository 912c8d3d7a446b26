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
	Findings []Finding `json:"findings"` // what was found, most severe first
	Searches []Search  `json:"searches"` // how far each target was explored
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
	Target     string         `json:"target"`                     // name of the target
	Role       scenario.Role  `json:"role"`                       // which peer was under test
	Plan       Plan           `json:"plan"`                       // size of the space
	Points     int            `json:"points"`                     // points that were run
	NotReached int            `json:"not_reached"`                // points that the conversation did not get to
	Left       int            `json:"left"`                       // points that there was no time for
	Complete   bool           `json:"complete"`                   // every point was run
	Elapsed    outcome.Millis `json:"elapsed_ms"`                 // time of the search
	Rate       float64        `json:"points_per_second"`          // points in a second
	FirstAfter outcome.Millis `json:"first_finding_ms,omitempty"` // time from the first point to the first finding
	Remarks    []Remark       `json:"remarks,omitempty"`          // what the target does not declare
	Unsteady   []string       `json:"unconfirmed,omitempty"`      // what was seen once and could not be confirmed
	Strips     []Strip        `json:"strips,omitempty"`           // what became of each byte
}
