package explore

import (
	"bytes"
	"errors"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
)

// judgeServer tells what a server did wrong at a point. What only a look at its process
// tells is in health.
func judgeServer(l *layout, p Point, o observation) verdict {
	switch {
	case o.dialErr != nil:
		return suspectIn(violation("unreachable", Hang, "the server cannot be reached any more", "%v", o.dialErr))
	case o.flooded:
		return suspectIn(violation("endless-answer", Spin, "the server sends without end", "%s came in %s", plural.Count(len(o.received), "byte"), o.took.Round(1e6)))
	case !o.reached:
		if v := judgeWrong(l, o); v.bad() {
			return v
		}
		return verdict{missed: true, suspect: true}
	case p.Datagram:
		return judgeDatagram(l, p, o)
	case o.others != "":
		return suspectIn(violation("others-wait", Hang, "another client is not served while this one stands still", "%s", o.others))
	case p.Fault.IsHarmless():
		return judgeWhole(l, o)
	case p.Direction == event.Downstream:
		if p.Fault == HalfClose {
			return judgeLostReply(l, p, o, o.asked)
		}
		return verdict{}
	}
	switch p.Fault {
	case FIN, HalfClose:
		return judgeCut(l, p, o)
	case Corrupt, Duplicate:
		return judgeEnds(o)
	}
	return verdict{}
}

func suspectIn(v verdict) verdict { v.suspect = true; return v }

// judgeWrong is about wrong bytes, and about none at all.
func judgeWrong(l *layout, o observation) verdict {
	switch {
	case o.extra:
		return suspectIn(violation("extra-bytes", Corruption, "the server sends bytes without a request", "%s", o.wrong))
	case o.wrong != "":
		return suspectIn(violation("wrong-answer", Corruption, "the answer differs from the one without a fault", "%s", o.wrong))
	case o.late:
		return judgeLate(o, "no-answer", "the server does not answer a request that it got whole")
	}
	return verdict{}
}

func judgeLate(o observation, code, rule string) verdict {
	v := violation(code, Hang, rule, "nothing came for %s", o.took.Round(1e6))
	switch {
	case o.spins != "":
		v = violation("spin", Spin, "the server uses a full CPU while no data moves", "%s", o.spins)
	case o.stuck != "":
		v.detail = "it is proven to wait without end: " + o.stuck
	}
	return suspectIn(v)
}

// judgeWhole expects the conversation as it is without the fault.
func judgeWhole(l *layout, o observation) verdict {
	if o.ok {
		return verdict{}
	}
	if v := judgeWrong(l, o); v.bad() && !o.late {
		return v
	}
	complete := o.steps == len(l.script.Steps)
	switch {
	case o.late && complete:
		return judgeLate(o, "never-closes", "the server keeps the connection open after the client has closed it")
	case o.late:
		return judgeLate(o, "no-answer", "the server does not answer a request that it got whole")
	case complete && o.ending == event.Reset:
		return suspectIn(violation("reset-at-end", WrongStatus, "the server ends a complete conversation with a reset", "all answers came, then the server reset the connection"))
	}
	return suspectIn(violation("no-answer-"+string(o.ending), WrongStatus, "the server ends the connection instead of answering",
		"%d of %d answers came, then the stream ended with %s", o.steps, len(l.script.Steps), o.ending))
}

// judgeEnds expects the connection to end once the client has said its last.
func judgeEnds(o observation) verdict {
	if !o.late {
		return verdict{}
	}
	return judgeLate(o, "never-closes", "the server keeps the connection open after the client has closed it")
}

// judgeCut is about a FIN: what was asked whole is answered, what was not is not.
func judgeCut(l *layout, p Point, o observation) verdict {
	if v := judgeEnds(o); v.bad() {
		return v
	}
	n := slices.Index(l.up.ExchangeEnds, p.Offset)
	if n >= 0 && p.Offset > 0 && !l.script.Steps[n].GoesOn() {
		return judgeLostReply(l, p, o, n+1)
	}
	played := &dialogue.Played{Received: o.received, Ending: o.ending}
	err := scenario.AnswersOnly(p.Offset).Check(scenario.Observation{Case: l.case_, Played: played})
	if err == nil {
		return verdict{}
	}
	v := violation("half-request-answered", Corruption, "the server answers a request that was cut off", "%v", err)
	if note := new(scenario.Undeclared); errors.As(err, &note) {
		v.declare = note.Declare
	}
	return suspectIn(v)
}

// judgeLostReply expects the replies to the first n requests behind the client's FIN.
func judgeLostReply(l *layout, p Point, o observation, n int) verdict {
	if o.late {
		return judgeEnds(o)
	}
	if n == 0 || l.script.Steps[n-1].GoesOn() {
		return verdict{} // nothing was asked, or not all of it
	}
	policy := l.case_.Target.HalfClose()
	if policy == scenario.HalfCloseCloses || policy == scenario.HalfCloseAborts {
		return verdict{}
	}
	want := l.down.Bytes[:l.down.ExchangeEnds[n-1]]
	got := o.received
	if int64(len(got)) >= int64(len(want)) || o.steps >= n {
		return verdict{}
	}
	if len(l.script.Volatile) == 0 && !bytes.HasPrefix(want, got) {
		return verdict{}
	}
	v := violation("lost-answer", WrongStatus, "the answer is lost when the client half-closes behind its request",
		"%d of %d bytes came, then the stream ended with %s", len(got), len(want), o.ending)
	if policy == scenario.HalfCloseUndeclared {
		v.declare = l.case_.Target.DeclareAnswer()
	}
	return suspectIn(v)
}
