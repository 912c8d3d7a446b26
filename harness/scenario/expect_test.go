package scenario

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// told is a client whose usual output is "HELLO\n".
func told(run Run, connections int) Observation {
	return Observation{
		Case:        Case{Role: Client, Conversation: Conversation{ControlRun: ControlRun{Stdout: []byte("HELLO\n")}}},
		Client:      &run,
		Connections: connections,
	}
}

func exited(code int, stdout string) Run {
	return Run{Exit: peer.Exit{Code: code}, Stdout: []byte(stdout), Elapsed: 20 * time.Millisecond}
}

// answered is a server whose dialogue has two replies, of which steps came.
func answered(steps int, received string, ending event.Ending) Observation {
	script := &dialogue.Script{Steps: make([]dialogue.Step, 2)}
	replies := []int64{6, 12}
	return Observation{
		Case: Case{Role: Server, Conversation: Conversation{Script: script,
			Downstream: Stream{Direction: event.Downstream, Bytes: []byte("HELLO\nWORLD\n"), MessageEnds: replies, ExchangeEnds: replies},
			Upstream:   Stream{Direction: event.Upstream, Bytes: []byte("hello\nworld\n"), MessageEnds: replies, ExchangeEnds: replies}}},
		Played: &dialogue.Played{Steps: steps, Received: []byte(received), Ending: ending, ReadEnding: ending},
	}
}

func ignoring(o Observation) Observation {
	o.Case.Target.Policies.Truncated = TruncationIgnored
	return o
}

func ended(o Observation, events ...event.Event) Observation {
	o.Events = events
	return o
}

func TestExpectations(t *testing.T) {
	fin := event.Event{Kind: event.FIN, Side: event.Server, Conn: 1}
	rst := event.Event{Kind: event.RST, Side: event.Server, Conn: 1}
	crashed := answered(2, "", event.EOF)
	crashed.Crash = &peer.Exit{Code: -1, Signal: syscall.SIGPIPE}
	deaf := answered(2, "", event.EOF)
	deaf.AfterErr = errors.New("no answer")
	tests := []struct {
		name        string
		expectation Expectation
		observed    Observation
		want        string // part of the problem; empty: none
	}{
		{"completes", ExpectCompletion(), answered(2, "HELLO\nWORLD\n", event.EOF), ""},
		{"completes half", ExpectCompletion(), answered(1, "HELLO\n", event.Reset), "got 1 of 2 answers, then the stream ended: reset"},
		{"completes, same run", ExpectCompletion(), told(exited(0, "HELLO\n"), 1), ""},
		{"completes, other output", ExpectCompletion(), told(exited(0, "HEL\n"), 1), "output differs from the run without a fault: at byte 3"},
		{"completes, other status", ExpectCompletion(), told(exited(1, "HELLO\n"), 1), "exited with status 1, want exit status 0"},
		{"completes, hung", ExpectCompletion(), told(Run{TimedOut: true}, 1), "still running"},
		{"completes, spins", ExpectCompletion(), told(Run{TimedOut: true, Spins: true}, 1), "spins"},

		{"ends by FIN", EndsBy(event.EOF), ended(answered(2, "", event.EOF), fin), ""},
		{"ends by RST", EndsBy(event.EOF), ended(answered(2, "", event.Reset), rst), "by reset (RST), want eof"},
		{"ends either way", EndsBy(event.EOF, event.Reset), ended(answered(2, "", event.Reset), rst), ""},
		{"never ends", EndsBy(event.EOF), answered(2, "", event.Timeout), "had not ended the connection"},

		{"one answer", AnswersOnly(8), ignoring(answered(1, "HELLO\n", event.EOF)), ""},
		{"one answer too many", AnswersOnly(8), ignoring(answered(1, "HELLO\nWOR\n", event.EOF)), `ended in the middle: "WOR\n"`},
		{"undeclared", AnswersOnly(8), answered(1, "HELLO\nWOR\n", event.EOF), ""},

		{"enough answers", ExpectReplies(1), answered(1, "HELLO\n", event.EOF), ""},
		{"answer dropped", ExpectReplies(2), answered(1, "HELLO\n", event.EOF), "got 1 of 2 answers"},

		{"says failed", ReportsFailure(), told(exited(1, "HEL"), 1), ""},
		{"retried", ReportsFailure(), told(exited(0, "HELLO\n"), 2), ""},
		{"lies", ReportsFailure(), told(exited(0, "HEL"), 1), "success (exit status 0) on incomplete data"},
		{"lies in full", ReportsFailure(), told(exited(0, "HELLO\n"), 1), "on the only connection it made"},
		{"killed", ReportsFailure(), told(Run{Exit: peer.Exit{Code: -1, Signal: syscall.SIGPIPE}}, 1), "killed by broken pipe"},

		{"fails", FailsOrRecovers(), told(exited(3, ""), 1), ""},
		{"recovers", FailsOrRecovers(), told(exited(0, "HELLO\n"), 1), ""},
		{"half recovers", FailsOrRecovers(), told(exited(0, ""), 1), "output differs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := JudgeObservation(tt.observed, []Expectation{tt.expectation})
			switch {
			case err == nil && tt.want != "":
				t.Errorf("got no problem, want %q", tt.want)
			case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}

func TestEndingIsThatOfTheFirstConnection(t *testing.T) {
	o := Observation{Events: []event.Event{
		{Kind: event.RST, Side: event.Client, Conn: 2},
		{Kind: event.FIN, Side: event.Server, Conn: 1},
		{Kind: event.FIN, Side: event.Client, Conn: 1},
	}}
	if got := o.SideEnding(event.Client); got != event.EOF {
		t.Errorf("got %q, want eof: the reset was another connection's", got)
	}
}

func TestFirstEndsByTheClient(t *testing.T) {
	whole := &dialogue.Script{Steps: make([]dialogue.Step, 3), End: dialogue.ServerCloses}
	if first := FirstExchanges(whole, 2); len(first.Steps) != 2 || first.End != dialogue.ClientCloses {
		t.Errorf("got %d steps, %s; want 2, client closes", len(first.Steps), first.End)
	}
	if all := FirstExchanges(whole, 3); len(all.Steps) != 3 || all.End != dialogue.ServerCloses {
		t.Errorf("got %d steps, %s; want 3, server closes", len(all.Steps), all.End)
	}
	if len(whole.Steps) != 3 || whole.End != dialogue.ServerCloses {
		t.Error("the whole script was changed")
	}
}
