package outcome

import (
	"slices"

	"github.com/sockharness/harness/harness/event"
)

// LiftControls returns the document with the control of each target told once: results of
// one target have the same.
func (d Run) LiftControls() Run {
	d.Results = slices.Clone(d.Results)
	for i, r := range d.Results {
		if r.Control == nil {
			continue
		}
		if d.Controls == nil {
			d.Controls = map[string][]event.Event{}
		}
		if d.Controls[r.Target] == nil {
			d.Controls[r.Target] = r.Control
		}
		d.Results[i].Control = nil
	}
	return d
}
