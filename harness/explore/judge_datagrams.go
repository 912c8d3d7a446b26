package explore

import (
	"bytes"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// judgeDatagram tells what a server over UDP did wrong at a point.
func judgeDatagram(l *layout, p Point, o observation) verdict {
	policies := l.case_.Target.Policies
	v := judgeAnswers(l, o)
	switch {
	case p.Fault == Drop && p.Direction == event.Upstream:
		return verdict{}
	case p.Fault == Truncate && o.halved != "" && policies.Truncated != scenario.TruncationAccepted:
		v = violation("half-request-answered", Corruption, "the server answers a request that was cut off", "%s", o.halved)
		if policies.Truncated == scenario.TruncationUndeclared {
			v.declare = "policies: {truncated: ignored}"
		}
		return suspectIn(v)
	case p.Fault == Reorder && o.whole:
		return verdict{} // the answers depend on the order, and that is the protocol's
	case p.Fault != Duplicate && p.Direction == event.Upstream:
		return v
	case !v.bad() && o.repeated != "" && (policies.Idempotent == nil || !*policies.Idempotent):
		v = suspectIn(violation("repeat-misunderstood", Corruption, "the server does not recognise a request that its client repeats", "%s", o.repeated))
	}
	if v.bad() && policies.Idempotent == nil {
		v.declare = "policies: {idempotent: false}"
	}
	return v
}

// judgeAnswers expects every answer.
func judgeAnswers(l *layout, o observation) verdict {
	switch {
	case o.ok:
		return verdict{}
	case o.wrong != "" || o.late:
		return judgeWrong(l, o)
	case o.ending == event.Refused:
		return suspectIn(violation("unreachable", Hang, "the server's port is closed", "%d of %d answers came, then the port was closed", o.steps, len(l.script.Steps)))
	}
	return verdict{}
}

// judgeDatagram tells what a client over UDP did wrong at a point.
func (s *clientSubject) judgeDatagram(p Point, run clientRun) verdict {
	policies := s.options.Target.Policies
	same := s.sameOutput(run) || len(s.base.stdout) > 0 && bytes.Contains(run.stdout, s.base.stdout)
	if p.Fault == Duplicate || p.Fault == Reorder {
		if run.exit.Code == s.base.exit.Code && same {
			return verdict{}
		}
		return s.judgeSame(p, run)
	}
	switch {
	case run.exit.Code != 0, same && len(s.base.stdout) > 0, len(s.base.stdout) == 0 && p.Fault != Silence && run.datagrams > s.base.datagrams:
		return verdict{}
	case p.Fault == Truncate && policies.Truncated == scenario.TruncationAccepted:
		return verdict{}
	}
	v := violation("half-answer-accepted", Corruption, "the client reports success without a whole answer", "exit status 0; %s", s.outputDifference(run))
	if p.Fault == Truncate && policies.Truncated == scenario.TruncationUndeclared {
		v.declare = "policies: {truncated: error}"
	}
	return v
}
