package rig

import (
	"errors"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// A name service begins with the first client, serves all, and may begin again.
func TestClientNames(t *testing.T) {
	var n clientNames
	defer n.Close()
	client := scenario.Peer{ConnectsTo: []string{"server.invalid:80"}}
	first, err := n.Open(t.Context(), client)
	if err != nil || first == nil {
		t.Fatalf("got %v, %v", first, err)
	}
	if second, err := n.Open(t.Context(), client); second != first || err != nil {
		t.Errorf("the second client has another service, or none: %v", err)
	}
	n.Close()
	n.Close()
	if again, err := n.Open(t.Context(), client); again == nil || again == first || err != nil {
		t.Errorf("got %v, %v after the close, want another service", again, err)
	}
}

func TestClientWithoutNames(t *testing.T) {
	var n clientNames
	defer n.Close()
	if names, err := n.Open(t.Context(), scenario.Peer{ConnectsTo: []string{"127.0.0.1:80"}}); names != nil || err != nil {
		t.Errorf("got %v, %v, want no service", names, err)
	}
	s := &variantSetup{testbed: NewTestbed(Config{}, scenario.Target{Name: "t"})}
	if err := s.serveNames(t.Context(), scenario.NameFault{Silent: true}); !errors.Is(err, scenario.ErrUnsupported) {
		t.Errorf("got %v, want that it is not supported", err)
	}
	if err := s.missedNames(); err != nil {
		t.Errorf("got %v without a fault", err)
	}
}

// The fault of a name server has struck once a client has asked.
func TestMissedNames(t *testing.T) {
	s := &variantSetup{testbed: NewTestbed(Config{}, scenario.Target{Name: "t", Client: scenario.Peer{ConnectsTo: []string{"server.invalid:80"}}})}
	if err := s.serveNames(t.Context(), scenario.NameFault{Silent: true}); err != nil {
		t.Fatal(err)
	}
	defer s.names.Close()
	if err := s.missedNames(); !errors.Is(err, scenario.ErrUnsupported) {
		t.Errorf("got %v before a question, want that it is not supported", err)
	}
	if !s.questions.add() || s.questions.add() {
		t.Error("not the first question is the first")
	}
	if at := s.questions.times(); len(at) != 2 || at[0] > at[1] {
		t.Errorf("got questions at %v, want two", at)
	}
	if err := s.missedNames(); err != nil {
		t.Errorf("got %v after a question", err)
	}
}
