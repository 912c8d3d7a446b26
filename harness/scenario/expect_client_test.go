package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

func TestAttemptsFastest(t *testing.T) {
	ms := func(n ...int) (at []time.Duration) {
		for _, n := range n {
			at = append(at, time.Duration(n)*time.Millisecond)
		}
		return at
	}
	for want, at := range map[int][]time.Duration{0: nil, 1: ms(0, 1000, 2000), 2: ms(0, 999, 1999), 3: ms(0, 5000, 5001, 5999, 6000)} {
		if got := (scenario.Attempts{At: at}).PeakPerSecond(); got != want {
			t.Errorf("%v: at most %d in a second, want %d", at, got, want)
		}
	}
}

func bytesOf(conn uint64, d event.Direction, n int64) event.Event {
	return event.Event{Kind: event.Bytes, Conn: conn, Direction: d, Bytes: n}
}

func TestAsksOnce(t *testing.T) {
	once := scenario.Observation{Events: []event.Event{bytesOf(1, event.Upstream, 6), bytesOf(2, event.Upstream, 5)}}
	if err := scenario.AsksOnce(6).Check(once); err != nil {
		t.Errorf("a request that came whole once: %v", err)
	}
	twice := scenario.Observation{Events: append(once.Events, bytesOf(3, event.Upstream, 20))}
	if err := scenario.AsksOnce(6).Check(twice); err == nil || !strings.Contains(err.Error(), "on 2 connections") {
		t.Errorf("a request that came whole twice: %v", err)
	}
}

func TestWaitsForGreeting(t *testing.T) {
	greeted := scenario.Observation{Events: []event.Event{bytesOf(1, event.Downstream, 9), bytesOf(1, event.Upstream, 6)}}
	if err := scenario.WaitsForGreeting().Check(greeted); err != nil {
		t.Errorf("a client that was greeted first: %v", err)
	}
	rude := scenario.Observation{Events: []event.Event{bytesOf(1, event.Upstream, 6), bytesOf(1, event.Downstream, 9)}}
	if scenario.WaitsForGreeting().Check(rude) == nil {
		t.Error("a client that spoke first was not told")
	}
}

// A client that declares to try again forever does not end while nobody lets it in.
func TestRetriesForEver(t *testing.T) {
	tries := scenario.Observation{Client: &scenario.Run{TimedOut: true}, Connections: 2}
	refused := scenario.Observation{Client: &scenario.Run{TimedOut: true}, AcceptMode: scenario.Refusing}
	waits := scenario.Observation{Client: &scenario.Run{TimedOut: true}, Connections: 1}
	stuck := scenario.Observation{Client: &scenario.Run{TimedOut: true, Stuck: "it waits for ever"}, Connections: 2}
	spins := scenario.Observation{Client: &scenario.Run{TimedOut: true, Spins: true}, AcceptMode: scenario.Refusing}
	for _, expect := range []scenario.Expectation{scenario.ReportsFailure(), scenario.FailsOrRecovers(), scenario.GivesUp()} {
		for _, o := range []scenario.Observation{tries, refused} {
			if err := expect.Check(o); err == nil || !strings.Contains(err.Error(), "still running") {
				t.Errorf("%s, undeclared: got %v, want that it still runs", expect.Name, err)
			}
			o.Case.Target.Policies.Retries = scenario.RetriesForEver
			if err := expect.Check(o); err != nil {
				t.Errorf("%s: %v", expect.Name, err)
			}
		}
		for _, o := range []scenario.Observation{waits, stuck, spins} {
			o.Case.Target.Policies.Retries = scenario.RetriesForEver
			if expect.Check(o) == nil {
				t.Errorf("%s: a client that does not try again was not told: %+v", expect.Name, o.Client)
			}
		}
	}
}

// The exit status that a target declares is the one it has to end with.
func TestExitStatus(t *testing.T) {
	failed, refused := 1, 3
	o := scenario.Observation{Client: &scenario.Run{Exit: peer.Exit{Code: 1}}}
	o.Case.Target.Policies.Exit = scenario.Exit{Failed: &failed, Refused: &refused}
	if err := scenario.GivesUp().Check(o); err != nil {
		t.Errorf("status 1 of a conversation that broke off: %v", err)
	}
	if err := scenario.SaysRefused().Check(o); err == nil || !strings.Contains(err.Error(), "declares exit status 3 when the connect is refused") {
		t.Errorf("status 1 of a client that was refused: %v", err)
	}
	o.Client.Exit.Code = 3
	if scenario.GivesUp().Check(o) == nil {
		t.Error("status 3 of a conversation that broke off was not told")
	}
}
