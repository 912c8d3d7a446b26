package explore

import (
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// datagramSteps writes the conversation of a client over UDP, with the fault in it.
func (w *scenarioWriter) datagramSteps() {
	up, down, steps := 0, 0, w.steps()
	for i := 0; i < len(steps); i++ {
		up += count(len(steps[i].Send) > 0)
		strikes := w.point.Direction == event.Upstream && int64(up) == w.point.Offset && len(steps[i].Send) > 0
		if strikes && w.point.Fault == Drop {
			break
		}
		if strikes && w.point.Fault == Reorder && i+1 < len(steps) {
			w.send(steps[i+1].Send)
			w.send(steps[i].Send)
			w.expectAny()
			w.expectAny()
			i++
			continue
		}
		w.datagramStep(steps[i], strikes)
		down += count(len(steps[i].Expect) > 0)
		if w.point.Direction == event.Downstream && int64(down) == w.point.Offset && len(steps[i].Expect) > 0 {
			w.send(steps[i].Send)
			w.expect(steps[i].Expect)
			break
		}
	}
	w.afterwards()
}

func (w *scenarioWriter) datagramStep(step dialogue.Step, strikes bool) {
	fault := Fault("")
	if strikes {
		fault = w.point.Fault
	}
	if fault == Truncate {
		w.step("cut: {send: %s}", dialogue.FormatBytes(w.point.kept(step.Send)))
	}
	w.send(step.Send)
	if fault == Duplicate {
		w.send(step.Send)
	}
	w.expect(step.Expect)
	switch {
	case fault == Truncate:
		w.step("cut: {expect: silence, for: 100ms}")
	case fault == Duplicate && len(step.Expect) > 0:
		w.expectAny()
	}
}

func (w *scenarioWriter) expectAny() { w.step("client: {expect: {any: true}, within: 2s}") }

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
