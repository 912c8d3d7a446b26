// Package framing checks where a peer takes a message to end: at every size that
// a buffer may have, with every byte that a message may hold, and when what says
// how long a message is cannot be believed.
package framing

import (
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("framing", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{sizes(), maximum(), content(), empty(), oversize(), endlessLine(), unterminated()}
}

// framed returns the script of a dialogue that tells where its messages end,
// or an error that says why there is none.
func framed(c scenario.Case, kinds ...dialogue.FramingKind) (*dialogue.Script, error) {
	s := c.Conversation.Script
	if s == nil || c.Role == scenario.Server && c.Target.Client.Dialogue == nil {
		return nil, c.Unsupported("without a dialogue nobody knows where messages end")
	}
	for _, k := range kinds {
		if s.Framing.Kind == k {
			return s, nil
		}
	}
	return nil, c.Unsupported("this is not for messages whose framing is %s", s.Framing.Kind)
}

// related returns the script and how answers relate to requests in it.
func related(c scenario.Case, kinds ...dialogue.FramingKind) (*dialogue.Script, *relation, error) {
	s, err := framed(c, kinds...)
	if err != nil {
		return nil, nil, err
	}
	r := learn(s)
	if r == nil {
		return nil, nil, c.Unsupported("the dialogue does not show how an answer follows from its request, as with an echo: " +
			"nobody can tell what the answer to another request is")
	}
	return s, r, nil
}

// binary is the level of what framings that carry any byte promise, and lines do
// by custom only.
func binary(s *dialogue.Script) outcome.Level {
	if s.Framing.Kind == dialogue.Line {
		return outcome.Should
	}
	return outcome.Must
}
