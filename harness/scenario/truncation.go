package scenario

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/excerpt"
)

// AnswersOnly expects a server whose request was cut off at byte at of its stream
// to have answered what it got whole, and nothing more: an answer to a request
// that ended in the middle is a request executed that nobody made. What the target
// declares about truncated messages decides; undeclared, it is a remark.
func AnswersOnly(at int64) Expectation {
	return Expectation{"answers complete messages only", func(o Observation) error {
		declared := o.Case.Target.Policies.Truncated
		if o.Played == nil || declared == TruncationAccepted || declared == TruncationError {
			return nil
		}
		allowed, known := o.Case.Conversation.answerableBytes(at)
		extra := bytesBeyond(o.Played.Received, allowed)
		executed := o.Case.Conversation.isCutOffReply(at, extra)
		switch {
		case !known || len(extra) == 0 || o.Case.Conversation.mayEnd(at) && !executed:
			return nil
		case declared == TruncationIgnored:
			return fmt.Errorf("the server answered a message that ended in the middle: %s", excerpt.Quote(extra))
		case executed:
			return NewUndeclared("policies: {truncated: ignored}",
				"the server answered a request that was cut off as if it were whole: %s", excerpt.Quote(extra))
		}
		return NewUndeclared("policies: {truncated: ignored}", "the server answered a request that was cut off: %s", excerpt.Quote(extra))
	}}
}

func bytesBeyond(received []byte, n int64) []byte { return received[min(int64(len(received)), n):] }

// answerableBytes returns how many bytes a server may have sent in all to the first at
// bytes of the client: the greeting, the replies to whole requests, and where a
// request of several messages has begun, the replies to its first ones. known is
// false where the dialogue does not tell.
func (c Conversation) answerableBytes(at int64) (allowed int64, known bool) {
	n, down := c.Upstream.ExchangesBefore(at), c.Downstream
	if c.Script == nil || n > len(down.ExchangeEnds) {
		return 0, false
	}
	allowed = down.Greeting
	if n > 0 {
		allowed = down.ExchangeEnds[n-1]
	}
	if n < len(down.ExchangeEnds) {
		_, whole := down.ExchangeRange(n)
		return max(allowed, lastBelow(down.MessageEnds, whole, c.messagesBefore(n, at))), true
	}
	return allowed, c.messagesBefore(n, at) == 0
}

// messagesBefore returns how many messages of the n-th exchange lie whole before byte at.
func (c Conversation) messagesBefore(n int, at int64) int {
	if n >= len(c.Upstream.ExchangeEnds) {
		return 0
	}
	from, _ := c.Upstream.ExchangeRange(n)
	messages := 0
	for _, end := range c.Upstream.MessageEnds {
		if end > from && end <= at {
			messages++
		}
	}
	return messages
}

// lastBelow returns the last of the ends that lies below the limit, 0 where
// nothing has arrived that could be answered.
func lastBelow(ends []int64, limit int64, arrived int) int64 {
	last := int64(0)
	for _, end := range ends {
		if arrived > 0 && end < limit {
			last = end
		}
	}
	return last
}

// mayEnd reports whether a message of a request that goes on may end at byte at:
// the framing says so, or is none, and a line ends there.
func (c Conversation) mayEnd(at int64) bool {
	return slices.Contains(c.Upstream.MessageEnds, at) || c.Script != nil && c.Script.Framing.Kind == dialogue.None && bytes.HasSuffix(c.Upstream.Bytes[:at], []byte("\n"))
}

// isCutOffReply reports whether extra is the answer to the whole of the request that was
// cut off at byte at.
func (c Conversation) isCutOffReply(at int64, extra []byte) bool {
	n := c.Upstream.ExchangesBefore(at)
	if n >= len(c.Downstream.ExchangeEnds) || c.Downstream.Bytes == nil {
		return false
	}
	from, to := c.Downstream.ExchangeRange(n)
	return to > from && bytes.HasPrefix(extra, c.Downstream.Bytes[from:to])
}
