package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/plural"
)

// An Expectation is one thing that a correct peer does. Check returns nil, or
// what was seen instead.
type Expectation struct {
	Name  string                  // what is expected, in a word or two
	Check func(Observation) error // returns nil, or what was seen instead
}

// JudgeObservation returns what was not as expected, one line each, or nil. What the target
// does not declare is left to [CollectRemarks].
func JudgeObservation(o Observation, expectations []Expectation) error {
	var problems []error
	for _, e := range expectations {
		if err := asFailure(e.Check(o)); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// ExpectCompletion expects the conversation to be held to its end as without the
// fault: every answer, byte for byte, or the same output and exit status.
func ExpectCompletion() Expectation {
	return Expectation{"completes", func(o Observation) error {
		if o.Client != nil {
			return sameRun(o)
		}
		return checkPlayed(o)
	}}
}

// ExpectWhole expects the rest of a conversation to be held too, where the faults were on one
// of its data connections, or before its TLS. A wrong answer there is told by others.
func ExpectWhole() Expectation {
	return Expectation{"completes the rest", func(o Observation) error {
		if o.Whole == nil || o.Whole.OK() || checkPlayed(o) != nil {
			return nil
		}
		return fmt.Errorf("the conversation did not go on as without the fault: %w", o.Whole.Err())
	}}
}

func checkPlayed(o Observation) error {
	if o.Played != nil && o.Played.Mismatch != nil {
		return describeMismatch(o.Played)
	}
	return checkReplies(o, o.playedSteps())
}

// checkReplies returns nil if the first replies came whole, whatever came then.
func checkReplies(o Observation, replies int) error {
	switch p := o.Played; {
	case p == nil:
		return errors.New("the conversation did not start")
	case p.Steps >= replies:
		return nil
	case p.Mismatch != nil:
		return describeMismatch(p)
	default:
		return fmt.Errorf("got %d of %s, %s%s", p.Steps, plural.Count(replies, "answer"), thenText(p.Ending), o.hangReason())
	}
}

func describeMismatch(p *dialogue.Played) error {
	return fmt.Errorf("%w\n%s", p.Mismatch, thenText(p.Ending))
}

// hangReason says what the server was about when its time was over, where that is known.
func (o Observation) hangReason() string {
	switch {
	case o.Spins:
		return "; it spins: it uses a full CPU while no data moves"
	case o.Stuck != "":
		return "; " + o.Stuck
	}
	return ""
}

func (o Observation) playedSteps() int {
	if o.Case.Conversation.Script == nil {
		return 0
	}
	return len(o.Case.Conversation.Script.Steps)
}

// leavesEarly reports whether the client ends before the dialogue does, where nothing
// says whether a request ends there too.
func (o Observation) leavesEarly() bool {
	s := o.Case.Conversation.Script
	return s != nil && s.Partial && len(s.Steps) > 0 && s.Steps[len(s.Steps)-1].Continues == nil
}

func sameRun(o Observation) error {
	run, control := o.Client, o.Case.Conversation
	switch {
	case run.TimedOut:
		return hungUp(run)
	case run.Exit.Code != control.Exit || run.Exit.Signal != 0:
		return fmt.Errorf("the client %s, want exit status %d as without the fault%s", run.Exit, control.Exit, lastStderrLine(run))
	case !o.sameOutput():
		return fmt.Errorf("the client exited with status %d, but its output differs from the run without a fault: %s", run.Exit.Code, o.outputDifference())
	}
	return nil
}

// sameOutput reports whether the client's output is that of the control, as far
// as that is the same from run to run.
func (o Observation) sameOutput() bool {
	return o.Case.Conversation.Output.EqualOutputs(o.Client.Stdout, o.Case.Conversation.Stdout)
}

func (o Observation) outputDifference() string {
	return dialogue.DescribeDifference(o.Case.Conversation.Stdout, o.Client.Stdout)
}

// EndsBy expects the peer under test to end the connection in one of the given
// ways, within the budget.
func EndsBy(want ...event.Ending) Expectation {
	return Expectation{"ends", func(o Observation) error {
		got := o.SideEnding(o.Case.Role.ProxySide())
		if got == event.Open && o.Played != nil && o.Played.ReadEnding != event.Open {
			got = o.Played.ReadEnding
		}
		if slices.Contains(want, got) || got == event.Reset && slices.Contains(want, event.EOF) && o.endedByRecord() {
			return nil
		}
		if got == event.Open || got == event.Timeout {
			return fmt.Errorf("the %s had not ended the connection after %s, want %s%s", o.Case.Role, roundMillis(o.Elapsed), joinEndings(want), o.hangReason())
		}
		return fmt.Errorf("the %s ended the connection by %s, want %s", o.Case.Role, endingWord(got), joinEndings(want))
	}}
}

// endedByRecord reports whether a stream ends by a record, close_notify, before its socket
// does: on TLS a server that ends first leaves the client's own close_notify unread, and
// the kernel makes a reset of that (RFC 8446 section 6.1).
func (o Observation) endedByRecord() bool { return o.Case.Target.Transport() == TLS }

// ExpectRunSucceeds expects the variant's act to succeed.
func ExpectRunSucceeds() Expectation {
	return Expectation{"acts", func(o Observation) error { return o.RunError }}
}

// ExpectReplies expects at least the replies of the first exchanges, whole.
func ExpectReplies(exchanges int) Expectation {
	return Expectation{"answers", func(o Observation) error {
		return checkReplies(o, exchanges)
	}}
}

// ExpectRepliesOnly expects the replies to all that a client has asked that ends before the
// dialogue does, and nothing after them. A server may say something to a client
// that leaves: undeclared, that is a remark.
func ExpectRepliesOnly() Expectation {
	return Expectation{"leaves", func(o Observation) error {
		extra := o.extraBytes()
		if err := checkReplies(o, o.playedSteps()); err != nil || len(extra) == 0 {
			return err
		}
		last := o.Case.Conversation.Script.Steps[o.playedSteps()-1]
		if last.Continues == nil {
			return NewUndeclared(fmt.Sprintf("continues: false (or true) in exchange %d of the dialogue", o.playedSteps()),
				"the server sent bytes when the client had ended after exchange %d: %s (true: its request goes on in the next exchange)", o.playedSteps(), excerpt.Quote(extra))
		}
		return describeMismatch(o.Played)
	}}
}

// extraBytes returns what the server sent after the last answer.
func (o Observation) extraBytes() []byte {
	if p := o.Played; p != nil && p.Mismatch != nil && p.Mismatch.Step >= o.playedSteps() {
		return p.Mismatch.Got
	}
	return nil
}

// ReportsFailure expects the client to end in time, by itself, with an exit
// status that says it failed; or, having tried again on a new connection, to
// end as without the fault, or to go on trying where that is declared.
func ReportsFailure() Expectation {
	return Expectation{"exits with an error", func(o Observation) error {
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
			return fmt.Errorf("the client reported success (exit status 0, the usual output) on %s", formatAttempts(o))
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
// target declares: forever. One that never tried again waits for its first attempt.
func (o Observation) goesOn() bool {
	forever := o.Case.Target.Policies.Retries == RetriesForEver && (o.Connections > 1 || o.AcceptMode != Accepting)
	return forever && o.Client != nil && o.TimedOutUnproven()
}

func endsByItself(o Observation) error {
	switch {
	case o.Client == nil:
		return errors.New("the client was not started")
	case o.Client.Storms:
		return cmp.Or(o.Questions.TooMany(), o.Attempts.TooMany())
	case o.TimeUndeclared():
		return o.stillRunning()
	case o.Client.TimedOut:
		return hungUp(o.Client)
	case o.Client.Exit.Signal != 0:
		return fmt.Errorf("the client was killed by %s%s", o.Client.Exit.Signal, lastStderrLine(o.Client))
	}
	return nil
}

// stillRunning is the remark on a client that declares no limit.
func (o Observation) stillRunning() error {
	text := fmt.Sprintf("the client was still running after %s", roundMillis(o.Client.Elapsed))
	if len(o.Attempts.At) > 0 {
		text += fmt.Sprintf(" and %s", o.Attempts)
	}
	return NewUndeclared(DeclareTimeLimit, "%s", text)
}

func hungUp(r *Run) error {
	if r.Spins {
		return fmt.Errorf("the client spins: after %s it uses a full CPU while no data moves", roundMillis(r.Elapsed))
	}
	if r.Stuck != "" {
		return fmt.Errorf("the client hangs: after %s it is proven that %s", roundMillis(r.Elapsed), r.Stuck)
	}
	return fmt.Errorf("the client was still running after %s", roundMillis(r.Elapsed))
}

func formatAttempts(o Observation) string {
	if o.Connections == 1 {
		return "the only connection it made"
	}
	return fmt.Sprintf("not one of its %s carried the conversation", plural.Count(o.Connections, "connection"))
}
