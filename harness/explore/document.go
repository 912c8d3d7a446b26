package explore

import (
	"encoding/json"
	"io"
	"slices"

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
	Shards     []SearchShard  `json:"shards,omitempty"`           // of a merged search: what each shard came to, by number
}

// A SearchShard is what one shard of a search came to, so that a merged document can be
// merged again and each shard counts once.
type SearchShard struct {
	Index      int            `json:"index"`                      // number of the shard, from 1
	Planned    int            `json:"planned"`                    // size of its part of the space
	Points     int            `json:"points"`                     // points that were run
	NotReached int            `json:"not_reached"`                // points that the conversation did not get to
	Left       int            `json:"left"`                       // points that there was no time for
	Complete   bool           `json:"complete"`                   // every point was run
	Elapsed    outcome.Millis `json:"elapsed_ms"`                 // time of the search
	Rate       float64        `json:"points_per_second"`          // points in a second
	FirstAfter outcome.Millis `json:"first_finding_ms,omitempty"` // time from the first point to the first finding
	Unsteady   []string       `json:"unconfirmed,omitempty"`      // what was seen once and could not be confirmed
}

// shards returns what each shard of a search came to; index is that of a search that is one.
func (s Search) shards(index int) []SearchShard {
	if len(s.Shards) > 0 {
		return s.Shards
	}
	return []SearchShard{{Index: index, Planned: s.Plan.Points, Points: s.Points, NotReached: s.NotReached, Left: s.Left, Complete: s.Complete,
		Elapsed: s.Elapsed, Rate: s.Rate, FirstAfter: s.FirstAfter, Unsteady: s.Unsteady}}
}

// addUp makes the numbers of a search those of its shards.
func (s *Search) addUp() {
	slices.SortFunc(s.Shards, func(a, b SearchShard) int { return a.Index - b.Index })
	s.Plan.Points, s.Points, s.NotReached, s.Left, s.Complete = 0, 0, 0, 0, true
	s.Elapsed, s.Rate, s.FirstAfter, s.Unsteady = 0, 0, 0, nil
	for _, one := range s.Shards {
		s.Plan.Points += one.Planned
		s.Points, s.NotReached, s.Left = s.Points+one.Points, s.NotReached+one.NotReached, s.Left+one.Left
		s.Complete = s.Complete && one.Complete
		s.Elapsed, s.Rate = max(s.Elapsed, one.Elapsed), s.Rate+one.Rate
		if s.FirstAfter == 0 || one.FirstAfter > 0 && one.FirstAfter < s.FirstAfter {
			s.FirstAfter = one.FirstAfter
		}
		s.Unsteady = append(s.Unsteady, one.Unsteady...)
	}
}
