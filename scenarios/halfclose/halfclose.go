// Package halfclose checks what a peer does when one direction of a connection
// has ended and the other lives on.
package halfclose

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{finWithRequest(), finAfterRequest(), serverFirst()}
}

func finWithRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/fin-with-request",
		Title: "A request that arrives together with FIN still gets its complete reply, then EOF",
		Rationale: "The client has finished sending and still reads. A server that handles the end of the stream before the " +
			"data in front of it loses the request. Event loops often fail when both arrive at once.",
		Ref:      "RFC 9293 §3.6; netty/netty#3729, smallnest/epoller#11",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return requestThenFIN(c, false) },
	}
}

func finAfterRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/fin-after-request",
		Title: "A request followed by FIN still gets its complete reply, then EOF",
		Rationale: "shutdown(SHUT_WR) marks the end of the request, and the client waits for the reply. A server that treats " +
			"FIN as \"client gone\" drops the reply. If your server does this on purpose, declare half_close.",
		Ref:      "RFC 9293 §3.6; cloudwu/skynet#50, golang/go#18527, httpwg/http-core#22",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return requestThenFIN(c, true) },
	}
}

// requestThenFIN plays the first n exchanges, for each n, and ends the client's
// direction behind the last request: at once, or when the server has read it.
func requestThenFIN(c scenario.Case, read bool) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil {
		return nil, c.UnsupportedErrorf("the target has no dialogue, so the harness does not know where a request ends; add a dialogue")
	}
	if c.Target.Client.Dialogue == nil {
		return nil, c.UnsupportedErrorf("this scenario needs a client dialogue, because only that waits for the answer after its FIN")
	}
	var out []scenario.Variant
	requests := c.Incoming()
	for _, i := range requests.SpokenExchanges() {
		if c.Conversation.Script.Steps[i].GoesOn() {
			continue // a FIN there cuts the request off
		}
		at := requests.ExchangeEnds[i]
		fault := scenario.FaultAt("half_close", event.Upstream, at, map[string]any{"after_read": read})
		out = append(out, scenario.Variant{
			Name:    fmt.Sprintf("requests=%d", i+1),
			Script:  scenario.FirstExchanges(c.Conversation.Script, i+1),
			Faults:  []spec.Spec{fault},
			Level:   lostReplyLevel(c),
			Declare: declareLine(c),
			Expect:  expectReplies(c, i+1),
		})
	}
	return out, nil
}

// lostReplyLevel is what the target's declaration makes of a lost answer: a server that
// has not said so may treat FIN as a cancellation.
func lostReplyLevel(c scenario.Case) outcome.Level {
	if c.Target.HalfClose() == scenario.HalfCloseUndeclared {
		return outcome.Info
	}
	return outcome.Must
}

// declareLine is the line of YAML that gives the variants level must.
func declareLine(c scenario.Case) string {
	if c.Target.HalfClose() == scenario.HalfCloseUndeclared {
		return c.Target.DeclareAnswer()
	}
	return ""
}

func expectReplies(c scenario.Case, requests int) []scenario.Expectation {
	switch c.Target.HalfClose() {
	case scenario.HalfCloseCloses, scenario.HalfCloseAborts:
		return []scenario.Expectation{scenario.EndsBy(event.EOF, event.Reset)}
	}
	return []scenario.Expectation{scenario.ExpectReplies(requests), scenario.EndsBy(event.EOF)}
}

func serverFirst() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/server-first",
		Title: "A client reads a reply that arrives together with FIN completely, and closes cleanly",
		Rationale: "A server may close right after its answer. The client has all the data it needs: it must keep the reply " +
			"and must not report an error.",
		Ref:   "RFC 9293 §3.6; smallnest/epoller#11",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Incoming()
			if stream.ByteCount() == 0 {
				return nil, c.UnsupportedErrorf("the dialogue does not say which bytes the server sends")
			}
			return []scenario.Variant{{
				Faults: []spec.Spec{scenario.FaultAt("half_close", stream.Direction, stream.ByteCount(), nil)},
				Expect: []scenario.Expectation{scenario.ExpectCompletion()},
			}}, nil
		},
	}
}
