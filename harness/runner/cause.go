package runner

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// commonCause names what failures of one bug have in common in all scenarios: how the process died,
// where it hangs, the first wrong byte, or the oracle. It is empty where only the message tells.
func commonCause(r *outcome.Result, o scenario.Observation) string {
	mismatch := firstMismatch(o)
	switch {
	case o.Crash != nil:
		return fmt.Sprintf("process ended: %s: %s", *o.Crash, o.LastWords)
	case o.DeadWorker != "":
		return "worker process ended"
	case o.SpunCPU():
		return "spin"
	case r.Check != "":
		return withPlace("check "+r.Check, o)
	case mismatch != nil:
		return wrongByte(mismatch)
	case o.StuckIn != "":
		return withPlace(missingPart(o), o)
	}
	return ""
}

func withPlace(what string, o scenario.Observation) string {
	if o.StuckIn == "" {
		return what
	}
	return what + ": hang: " + o.StuckIn
}

// missingPart tells which part of the conversation is missing because of the hang.
func missingPart(o scenario.Observation) string {
	p := o.Played
	switch {
	case o.Client != nil:
		return "client does not end"
	case p == nil || o.Case.Conversation.Script == nil:
		return "no answer"
	case p.Steps < len(o.Case.Conversation.Script.Steps):
		return "no answer"
	}
	return "connection not closed"
}

func firstMismatch(o scenario.Observation) *dialogue.Mismatch {
	var m *dialogue.Mismatch
	if o.Played != nil && o.Played.Mismatch != nil {
		return o.Played.Mismatch
	}
	if errors.As(o.RunError, &m) {
		return m
	}
	return nil
}

// wrongByte names the first byte that differs from the dialogue; empty where the stream was only
// cut.
func wrongByte(m *dialogue.Mismatch) string {
	if b, ok := m.WrongByte(); ok {
		return fmt.Sprintf("first wrong byte %q", b)
	}
	return "reply is cut short"
}
