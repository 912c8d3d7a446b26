package explore

import (
	"slices"
	"strconv"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// judge tells what a client did wrong at a point.
func (s *clientSubject) judge(p Point, run clientRun) verdict {
	v := s.judgeRun(p, run)
	v.suspect = v.bad() || v.missed
	return v
}

func (s *clientSubject) judgeRun(p Point, run clientRun) verdict {
	switch {
	case run.err != nil:
		return violation("cannot-start", WrongStatus, "the client cannot be started", "%v", run.err)
	case run.datagrams >= stormConnects+2*s.base.datagrams:
		return violation("storm", Spin, "the client sends again and again without a pause", "%d datagrams in %s", run.datagrams, run.took.Round(1e6))
	case run.accepted >= stormConnects:
		return violation("storm", Spin, "the client connects again and again without a pause", "%d connects in %s", run.accepted, run.took.Round(1e6))
	case run.spins != "":
		return violation("spin", Spin, "the client uses a processor while nothing moves", "%s", run.spins)
	case run.late:
		return s.judgeLate(p, run)
	case run.exit.Signal != 0 && !run.exit.Killed:
		v := violation("crash", Crash, "the client process is killed by a signal", "%s%s", run.exit, lastWords(run.stderr))
		v.symptom = maskNumbers(run.exit.String())
		return v
	case !run.reached:
		return verdict{missed: true}
	case p.Datagram:
		return s.judgeDatagram(p, run)
	case p.Fault == Corrupt || p.Fault == Duplicate:
		return verdict{}
	case p.Fault == Refuse || p.Fault == Blackhole:
		return s.judgeRefused(p, run)
	case p.Fault.IsHarmless() || s.hadAll(p):
		return s.judgeSame(p, run)
	}
	return s.judgeCut(p, run)
}

// stormConnects is how many connects of one short run are too many.
const stormConnects = 50

// hadAll reports whether the client had all that it needed when the stream ended.
func (s *clientSubject) hadAll(p Point) bool {
	return p.Direction == event.Downstream && p.Offset == s.layout.down.ByteCount() && (p.Fault == FIN || p.Fault == HalfClose)
}

func (s *clientSubject) sameOutput(run clientRun) bool {
	return s.output.EqualOutputs(s.base.stdout, run.stdout)
}

func (s *clientSubject) judgeLate(p Point, run clientRun) verdict {
	rule := "the client does not end"
	if p.Fault == Refuse || p.Fault == Blackhole || p.Fault == Stall || p.Datagram && run.stuck == "" {
		rule = "the client waits longer than it declares"
	}
	v := violation("hang", Hang, rule, "it was still running after %s", run.took.Round(1e6))
	if run.stuck != "" {
		v.detail = "it is proven that it will not go on: " + run.stuck
	}
	policies := s.options.Target.Policies
	switch {
	case run.stuck == "" && run.cpu < s.base.exit.CPU && p.Fault != Blackhole && !run.reached:
		return verdict{missed: true} // the machine is too busy for it to get so far
	case p.Datagram && run.stuck == "" && policies.AnswerTimeout == 0:
		v.declare = "policies: {answer_timeout: 3s}"
	case p.Datagram:
	case p.Fault == Refuse && policies.Retries == 0 && policies.AnswerTimeout == 0:
		v.declare = "policies: {answer_timeout: 3s}"
	case p.Fault == Refuse && policies.Retries == scenario.RetriesForEver, p.Fault == Corrupt, p.Fault == Duplicate:
		return verdict{} // a length that was changed announces bytes that never come
	case p.Fault != Refuse && policies.Retries != 0 && run.accepted > 1:
		v.declare = "policies: {retries: " + "0}"
	}
	return v
}

// judgeSame expects the run as it is without the fault.
func (s *clientSubject) judgeSame(p Point, run clientRun) verdict {
	switch {
	case run.exit.Code == s.base.exit.Code && s.sameOutput(run):
		return verdict{}
	case run.exit.Code == 0:
		return violation("wrong-output", Corruption, "the client reports success with another output than without the fault", "%s", s.outputDifference(run))
	case run.accepted > 1 && run.complete:
		return verdict{}
	}
	rule := "the client fails although it gets every byte"
	if p.Datagram {
		rule = "the client fails although every datagram arrives"
	}
	if p.Fault == FIN || p.Fault == HalfClose {
		rule = "the client fails although it had everything when the stream ended"
	}
	return violation("fails", WrongStatus, rule, "%s%s", run.exit, lastWords(run.stderr))
}

func (s *clientSubject) outputDifference(run clientRun) string {
	if len(run.stdout)+len(s.base.stdout) == 0 {
		return "it prints nothing, as without the fault"
	}
	at := dialogue.CommonPrefix(s.base.stdout, run.stdout)
	return "its output is " + plural.Count(len(run.stdout), "byte") + ", and " + plural.Count(len(s.base.stdout), "byte") + " without the fault; from byte " +
		strconv.Itoa(at) + " on: want " + quoteStart(s.base.stdout[at:]) + ", got " + quoteStart(run.stdout[at:])
}

// judgeRefused expects a client to say that it could not connect.
func (s *clientSubject) judgeRefused(p Point, run clientRun) verdict {
	want := s.options.Target.Policies.Exit.Refused
	switch {
	case run.exit.Code == 0 && p.Conn > 1 && len(s.base.stdout) > 0 && s.sameOutput(run):
		return verdict{} // it could do without that connection
	case run.exit.Code == 0:
		return violation("refused-success", WrongStatus, "the client reports success although it could not connect", "%s, %s on stdout", run.exit, plural.Count(len(run.stdout), "byte"))
	case want != nil && run.exit.Code != *want:
		return violation("refused-status", WrongStatus, "the client ends with another status than declared when it cannot connect", "%s, declared is %d", run.exit, *want)
	}
	return verdict{}
}

// judgeCut is about a stream that ended before the client had all: no success on half an
// answer.
func (s *clientSubject) judgeCut(p Point, run clientRun) verdict {
	policies := s.options.Target.Policies
	untilEOF := s.script.Framing.Kind == dialogue.UntilEOF && p.Fault != Reset
	unannounced := p.Fault == Vanish && s.launcher.certification != nil
	switch {
	case untilEOF && unannounced && run.accepted == 1:
		return s.judgeUnannounced(run)
	case run.complete && run.accepted > 1, untilEOF:
		return verdict{} // it has asked again
	case run.exit.Code != 0:
		if want := policies.Exit.Failed; want != nil && run.exit.Code != *want && run.accepted > 0 {
			return violation("failed-status", WrongStatus, "the client ends with another status than declared when the conversation breaks off", "%s, declared is %d", run.exit, *want)
		}
		return verdict{}
	case len(s.base.stdout) > 0 && s.sameOutput(run):
		return verdict{} // it had all that it needed
	case len(s.base.stdout) == 0 && s.layout.owes(p) == 0:
		return verdict{}
	}
	v := violation("half-answer-accepted", Corruption, "the client reports success on half an answer", "exit status 0; %s", s.outputDifference(run))
	if unannounced {
		v.rule, v.symptom = "the client reports success on half an answer that ends without close_notify", "no close_notify"
	}
	if s.onlyDelimiterMissing(p) && policies.Truncated != scenario.TruncationIgnored && policies.Truncated != scenario.TruncationError {
		v = violation("last-delimiter-missing", Noise, "the client takes an answer without its last delimiter for a whole one", "exit status 0; %s", s.outputDifference(run))
	}
	return v
}

// judgeUnannounced is about an answer that only its end ends, and a FIN without the
// close_notify that tells this end from one that somebody on the way has made.
func (s *clientSubject) judgeUnannounced(run clientRun) verdict {
	meant := s.options.Target.Policies.TLSFin
	if run.exit.Code != 0 || meant == scenario.TLSFinEnds {
		return verdict{}
	}
	v := violation("no-close-notify-accepted", Corruption, "the client takes a FIN without close_notify for the end of the answer", "exit status 0, %s on stdout", plural.Count(len(run.stdout), "byte"))
	if meant == scenario.TLSFinUndeclared {
		v.declare = "policies: {tls_fin: error}"
	}
	return v
}

// onlyDelimiterMissing reports whether nothing but the end of a message's delimiter had
// not come: some protocols accept that.
func (s *clientSubject) onlyDelimiterMissing(p Point) bool {
	if p.Direction != event.Downstream {
		return false
	}
	if s.script.Framing.Kind == dialogue.None {
		i := slices.IndexFunc(s.layout.down.MessageEnds, func(end int64) bool { return end > p.Offset })
		return i >= 0 && s.layout.down.MessageEnds[i]-p.Offset <= 2
	}
	for _, part := range s.layout.down.Parts {
		if part.Kind == "delimiter" && p.Offset >= part.From && p.Offset < part.To {
			return true
		}
	}
	return false
}
