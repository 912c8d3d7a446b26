package rig

import (
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/proxy"
)

// record has the proxy of the variant recorded, if failures are to be written down.
func (s *variantSetup) record(config *proxy.Config) {
	config.Record = s.recorder()
	config.Events = s.recordEvents(config.Events)
}

// recorder returns what keeps all that passes a proxy; nil: nothing is written down.
func (s *variantSetup) recorder() func(link.Passage) {
	if !s.testbed.config.Record {
		return nil
	}
	if s.recording == nil {
		s.recording = capture.NewRecording()
	}
	return s.recording.AddPassage
}

// recordEvents returns a sink for events that are kept too, if anything is.
func (s *variantSetup) recordEvents(to event.Sink) event.Sink {
	if s.recorder() == nil {
		return to
	}
	return func(e event.Event) {
		s.recording.AddEvent(e)
		to(e)
	}
}
