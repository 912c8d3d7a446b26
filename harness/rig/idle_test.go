package rig

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func TestFaultsThatActLater(t *testing.T) {
	for _, tt := range []struct {
		fault spec.Spec
		want  bool
	}{
		{scenario.FaultAt("half_close", event.Upstream, 3, nil), false},
		{scenario.FaultAt("half_close", event.Upstream, 3, map[string]any{"after_read": true}), true},
		{scenario.FaultAt("vanish", event.Upstream, 3, nil), false},
		{scenario.FaultAt("reset", event.Upstream, 3, nil), true},
		{scenario.SplitAt(event.Upstream, 3), true},
	} {
		if got := mayActLater(tt.fault); got != tt.want {
			t.Errorf("%s %v: got %v, want %v", tt.fault.Type, tt.fault.Attributes, got, tt.want)
		}
	}
}

func TestNobodyKnowsWhatAForeignServerIsAbout(t *testing.T) {
	foreign := scenario.Target{Server: scenario.Peer{Address: "127.0.0.1:1"}}
	if newIdleDetector(event.NewLog(0), scenario.Variant{}, foreign) != nil {
		t.Error("a server that is not a process of ours was taken for one that can be proven to hang")
	}
}

func TestAnEventEndsTheIdleness(t *testing.T) {
	log := event.NewLog(0)
	i := newIdleDetector(log, scenario.Variant{}, scenario.Target{})
	i.after = 0
	if i.isQuiet() {
		t.Error("idle at the first look, before anything is known")
	}
	if !i.isQuiet() {
		t.Error("not idle although nothing has happened since")
	}
	log.AddEvent(event.Event{Kind: event.Bytes})
	if i.isQuiet() {
		t.Error("idle right after an event")
	}
}

// A split holds nothing back once the boundary is passed.
func TestSplitIsOverWithItsLastBoundary(t *testing.T) {
	log := event.NewLog(0)
	i := newIdleDetector(log, scenario.Variant{Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 3, 5)}}, scenario.Target{})
	for n, want := range []bool{false, false, true} {
		if i.allPassed() != want {
			t.Errorf("after %d boundaries: got %v", n, !want)
		}
		log.AddEvent(event.Event{Kind: event.BoundaryRead, Conn: 1})
	}
	log.AddEvent(event.Event{Kind: event.Accept, Conn: 2})
	if i.allPassed() {
		t.Error("with a second connection, of which nothing is known: got true")
	}
}
