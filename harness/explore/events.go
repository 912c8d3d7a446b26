package explore

import "time"

// An EventKind is the stable code of an event.
type EventKind string

// The events, in the order in which they come.
const (
	Calibrated EventKind = "calibrated" // Plan
	Stored     EventKind = "stored"     // a finding of an earlier run was played again: Finding, with its state
	Progress   EventKind = "progress"   // Played, NotReached, Total, Rate
	Found      EventKind = "finding"    // Finding
	Unsteady   EventKind = "unconfirmed"
	Done       EventKind = "done"
)

// An Event is something that happened in a search.
type Event struct {
	Kind       EventKind     `json:"event"`                       // what happened
	Elapsed    time.Duration `json:"-"`                           // time since the start of the search
	ElapsedMS  float64       `json:"elapsed_ms"`                  // the same, milliseconds
	Plan       *Plan         `json:"plan,omitempty"`              // of Calibrated: the size of the space
	Played     int           `json:"points,omitempty"`            // points that were run so far
	Total      int           `json:"total,omitempty"`             // points of the space
	NotReached int           `json:"not_reached,omitempty"`       // points that the conversation did not get to
	Rate       float64       `json:"points_per_second,omitempty"` // points in a second so far
	Findings   int           `json:"findings,omitempty"`          // findings so far
	Finding    *Finding      `json:"finding,omitempty"`           // of Found and Stored
	Detail     string        `json:"detail,omitempty"`            // for people
}

func (e *search) emit(v Event) {
	if e.options.Observe == nil {
		return
	}
	v.Elapsed = time.Since(e.began)
	v.ElapsedMS = float64(v.Elapsed.Microseconds()) / 1000
	e.options.Observe(v)
}

// progressEvery spaces the progress events.
const progressEvery = 100 * time.Millisecond

func (e *search) tellProgress() {
	if time.Since(e.lastTold) < progressEvery {
		return
	}
	e.lastTold = time.Now()
	e.emit(e.progress(Progress))
}

func (e *search) progress(kind EventKind) Event {
	return Event{Kind: kind, Played: e.played, Total: e.plan.Points, NotReached: e.notReached, Rate: e.rate(), Findings: e.badSignatures()}
}

func (e *search) rate() float64 {
	if s := time.Since(e.searching).Seconds(); s > 0 && e.played > 0 {
		return float64(e.played) / s
	}
	return 0
}
