// Package framing checks where a peer takes a message to end: at every size that
// a buffer may have, with every byte that a message may hold, and when what says
// how long a message is cannot be believed.
package framing

import (
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{messageSizes(), maximumSize(), contentScenario(), emptyMessage(), oversizeLength(), endlessLine(), unterminatedLine()}
}

// framedScript returns the script of a dialogue that tells where its messages end,
// or an error that says why there is none.
func framedScript(c scenario.Case, kinds ...dialogue.FramingKind) (*dialogue.Script, error) {
	s := c.Conversation.Script
	if s == nil || c.Role == scenario.Server && c.Target.Client.Dialogue == nil {
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where messages end; add a dialogue")
	}
	if len(s.Steps) > 0 && s.WritesCaptured(0) {
		return nil, c.UnsupportedErrorf("the first request of the dialogue writes a captured value, which is known only during the conversation")
	}
	for _, k := range kinds {
		if s.Framing.Kind == k {
			return s, nil
		}
	}
	return nil, c.UnsupportedErrorf("this scenario does not apply to framing %s", s.Framing.Kind)
}

// anyBody are the framings whose messages carry bodies of many sizes.
func anyBody() []dialogue.FramingKind {
	return []dialogue.FramingKind{dialogue.Line, dialogue.LengthPrefix, dialogue.Markers, dialogue.Varint, dialogue.ASCIILength, dialogue.ContentLength, dialogue.HTTP}
}

// relatedScript returns the script and how answers relate to requests in it.
func relatedScript(c scenario.Case, kinds ...dialogue.FramingKind) (*dialogue.Script, *replyModel, error) {
	s, err := framedScript(c, kinds...)
	if err != nil {
		return nil, nil, err
	}
	r := learnModel(s)
	if r == nil {
		return nil, nil, c.UnsupportedErrorf("the dialogue does not show how an answer follows from its request, so the harness cannot predict the answer to " +
			"another request")
	}
	return s, r, nil
}

// binaryLevel is the level of what framings that carry any byte promise, and lines do
// by custom only.
func binaryLevel(s *dialogue.Script) outcome.Level {
	if s.Framing.Kind == dialogue.Line || s.Framing.Kind == dialogue.Markers {
		return outcome.Should
	}
	return outcome.Must
}
