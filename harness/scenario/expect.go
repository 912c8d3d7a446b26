package scenario

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// An Expectation is one thing that a correct peer does. Check returns nil, or
// what was seen instead.
type Expectation struct {
	Name  string
	Check func(Observation) error
}

// Judge returns what was not as expected, one line each, or nil.
func Judge(o Observation, expectations []Expectation) error {
	var problems []error
	for _, e := range expectations {
		if err := e.Check(o); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Completes expects the conversation to be held to its end as without the
// fault: every answer, byte for byte, or the same output and exit status.
func Completes() Expectation {
	return Expectation{"completes", func(o Observation) error {
		if o.Client != nil {
			return sameRun(o)
		}
		return played(o)
	}}
}

func played(o Observation) error {
	if o.Played != nil && o.Played.Mismatch != nil {
		return mismatched(o.Played)
	}
	return replied(o, o.steps())
}

// replied returns nil if the first replies came whole, whatever came then.
func replied(o Observation, replies int) error {
	switch p := o.Played; {
	case p == nil:
		return errors.New("the conversation did not take place")
	case p.Steps >= replies:
		return nil
	case p.Mismatch != nil:
		return mismatched(p)
	default:
		return fmt.Errorf("got %d of %d answers, then: %s%s", p.Steps, replies, endingWord(p.Ending), o.busy())
	}
}

func mismatched(p *dialogue.Played) error {
	return fmt.Errorf("%w\nthen: %s", p.Mismatch, endingWord(p.Ending))
}

// busy says what the server was about when its time was over, where that is known.
func (o Observation) busy() string {
	switch {
	case o.Spins:
		return "; it spins: it keeps a processor busy while nothing moves"
	case o.Stuck != "":
		return "; " + o.Stuck
	}
	return ""
}

func (o Observation) steps() int {
	if o.Case.Conversation.Script == nil {
		return 0
	}
	return len(o.Case.Conversation.Script.Steps)
}

func sameRun(o Observation) error {
	run, control := o.Client, o.Case.Conversation
	switch {
	case run.HungUp:
		return hungUp(run)
	case run.Exit.Code != control.Exit || run.Exit.Signal != 0:
		return fmt.Errorf("the client %s, want exit status %d as without the fault%s", run.Exit, control.Exit, said(run))
	case !o.sameOutput():
		return fmt.Errorf("the client exited with status %d, but its output differs: %s", run.Exit.Code, o.outputDifference())
	}
	return nil
}

// sameOutput reports whether the client's output is that of the control, as far
// as that is the same from run to run.
func (o Observation) sameOutput() bool {
	return o.Case.Conversation.Output.Like(o.Client.Stdout, o.Case.Conversation.Stdout)
}

func (o Observation) outputDifference() string {
	return dialogue.Difference(o.Case.Conversation.Stdout, o.Client.Stdout)
}

// EndsBy expects the peer under test to end the connection in one of the given
// ways, within the budget.
func EndsBy(want ...event.Ending) Expectation {
	return Expectation{"ends", func(o Observation) error {
		got := o.Ending(o.Case.Role.Side())
		if got == event.Open && o.Played != nil && o.Played.ReadEnding != event.Open {
			got = o.Played.ReadEnding
		}
		if slices.Contains(want, got) {
			return nil
		}
		if got == event.Open || got == event.Timeout {
			return fmt.Errorf("the %s had not ended the connection after %s, want %s%s", o.Case.Role, round(o.Elapsed), words(want), o.busy())
		}
		return fmt.Errorf("the %s ended the connection by %s, want %s", o.Case.Role, endingWord(got), words(want))
	}}
}

// Acts expects the variant's act to succeed.
func Acts() Expectation {
	return Expectation{"acts", func(o Observation) error { return o.ActError }}
}

// AnswersOnly expects the server to have answered the messages that it got
// whole, and nothing more: an answer to a message that ended in the middle is a
// request executed that nobody made. What the target declares about truncated
// messages goes before.
func AnswersOnly(messages int) Expectation {
	return Expectation{"answers only whole messages", func(o Observation) error {
		down := o.Case.Conversation.Downstream
		if o.Played == nil || len(down.Ends) < messages || o.Case.Target.Policies.Truncated == TruncationAccepted {
			return nil
		}
		end := int64(0)
		if messages > 0 {
			end = down.Ends[messages-1]
		}
		got := o.Played.Received
		if int64(len(got)) > end && o.Case.Target.Policies.Truncated == TruncationIgnored {
			return fmt.Errorf("the server answered a message that ended in the middle: %s", excerpt(got[end:]))
		}
		return nil
	}}
}

// Answers expects at least the replies to the first messages, whole.
func Answers(messages int) Expectation {
	return Expectation{"answers", func(o Observation) error {
		return replied(o, messages)
	}}
}

// ReportsFailure expects the client to end in time, by itself, with an exit
// status that says it failed; or, having tried again on a new connection, to
// end as without the fault, or to go on trying where that is declared.
func ReportsFailure() Expectation {
	return Expectation{"reports failure", func(o Observation) error {
		if o.goesOn() {
			return nil
		}
		if err := endsByItself(o); err != nil || o.Client.Exit.Code != 0 {
			return err
		}
		if o.Connections > 1 && sameRun(o) == nil {
			return nil
		}
		if o.sameOutput() {
			return fmt.Errorf("the client reported success (exit status 0, the usual output) on %s", attempts(o))
		}
		return fmt.Errorf("the client reported success (exit status 0) on incomplete data: %s",
			o.outputDifference())
	}}
}

// FailsOrRecovers is ReportsFailure where success without a second connection
// is possible too: the client had all it needed.
func FailsOrRecovers() Expectation {
	return Expectation{"fails or recovers", func(o Observation) error {
		if o.goesOn() {
			return nil
		}
		if err := endsByItself(o); err != nil || o.Client.Exit.Code != 0 {
			return err
		}
		return sameRun(o)
	}}
}

// goesOn reports whether the client still tries when its time is over, as its
// target declares: for ever. One that never tried again waits for its first attempt.
func (o Observation) goesOn() bool {
	forever := o.Case.Target.Policies.Retries == RetriesForEver && (o.Connections > 1 || o.Gate != Accepting)
	return forever && o.Client != nil && o.Client.HungUp && !o.Client.Spins && o.Client.Stuck == ""
}

func endsByItself(o Observation) error {
	switch {
	case o.Client == nil:
		return errors.New("the client was not started")
	case o.Client.HungUp:
		return hungUp(o.Client)
	case o.Client.Exit.Signal != 0:
		return fmt.Errorf("the client was killed by %s%s", o.Client.Exit.Signal, said(o.Client))
	}
	return nil
}

func hungUp(r *Run) error {
	if r.Spins {
		return fmt.Errorf("the client spins: after %s it keeps a processor busy while nothing moves", round(r.Elapsed))
	}
	if r.Stuck != "" {
		return fmt.Errorf("the client hangs: after %s it is proven that %s", round(r.Elapsed), r.Stuck)
	}
	return fmt.Errorf("the client was still running after %s", round(r.Elapsed))
}

func attempts(o Observation) string {
	if o.Connections == 1 {
		return "the only connection it made"
	}
	return fmt.Sprintf("%d connections, none of which carried the conversation", o.Connections)
}
