// Package halfclose checks what a peer does when one direction of a connection
// has ended and the other lives on.
package halfclose

import (
	"fmt"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/toxics"
)

// Declare declares the topic's Ginkgo containers on the bench.
func Declare(b *suite.Bench) { b.Topic("halfclose", Scenarios()...) }

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	return []scenario.Scenario{finWithRequest(), finAfterRequest(), serverFirst()}
}

func finWithRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/fin-with-request",
		Title: "A request that arrives together with FIN still gets its complete reply, then EOF",
		Rationale: "The client is done sending, not gone. A server that handles the end of the stream before the data in " +
			"front of it loses the request; when both arrive at once is when event loops get this wrong.",
		Ref:      "RFC 9293 §3.6; netty/netty#3729, smallnest/epoller#11",
		Level:    outcome.Must,
		Roles:    scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return requestThenFIN(c, false) },
	}
}

func finAfterRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/fin-after-request",
		Title: "A request followed by FIN still gets its complete reply, then EOF",
		Rationale: "shutdown(SHUT_WR) tells the server where the request ends; the client waits for the answer. A server " +
			"that takes FIN for \"client gone\" drops it. Some do so by design: declare half_close.",
		Ref:      "RFC 9293 §3.6; cloudwu/skynet#50, golang/go#18527, httpwg/http-core#22",
		Level:    outcome.Must,
		Roles:    scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return requestThenFIN(c, true) },
	}
}

// requestThenFIN plays the first n exchanges, for each n, and ends the client's
// direction behind the last request: at once, or when the server has read it.
func requestThenFIN(c scenario.Case, read bool) ([]scenario.Variant, error) {
	if c.Conversation.Script == nil {
		return nil, c.Unsupported("without a dialogue nobody knows where a request ends")
	}
	if c.Target.Client.Dialogue == nil {
		return nil, c.Unsupported("only a client dialogue waits for the answer after its FIN")
	}
	var out []scenario.Variant
	for i, at := range c.Toward().Ends {
		if i >= len(c.Conversation.Script.Steps) {
			break
		}
		fault := scenario.Strike("half_close", event.Upstream, at, map[string]any{"after_read": read})
		out = append(out, scenario.Variant{
			Name:   fmt.Sprintf("requests=%d", i+1),
			Script: scenario.First(c.Conversation.Script, i+1),
			Faults: []toxics.Spec{fault},
			Level:  level(c),
			Expect: expectations(c, i+1),
		})
	}
	return out, nil
}

// level is what the target's declaration makes of a lost answer: a server that
// has not said so may treat FIN as a cancellation.
func level(c scenario.Case) outcome.Level {
	if c.Target.Policies.HalfClose == scenario.HalfCloseUndeclared {
		return outcome.Info
	}
	return outcome.Must
}

func expectations(c scenario.Case, requests int) []scenario.Expectation {
	switch c.Target.Policies.HalfClose {
	case scenario.HalfCloseCloses, scenario.HalfCloseAborts:
		return []scenario.Expectation{scenario.EndsBy(event.EOF, event.Reset)}
	}
	return []scenario.Expectation{scenario.Answers(requests), scenario.EndsBy(event.EOF)}
}

func serverFirst() scenario.Scenario {
	return scenario.Scenario{
		ID:    "halfclose/server-first",
		Title: "A reply that arrives together with FIN is taken whole, and the client ends in order",
		Rationale: "A server may end its direction as soon as it has answered. The client has all it needs: it must neither " +
			"lose the reply nor take the end for an error.",
		Ref:   "RFC 9293 §3.6; smallnest/epoller#11",
		Level: outcome.Must,
		Roles: scenario.Clients(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			stream := c.Toward()
			if stream.Len() == 0 {
				return nil, c.Unsupported("the dialogue does not tell the server's bytes")
			}
			return []scenario.Variant{{
				Faults: []toxics.Spec{scenario.Strike("half_close", stream.Direction, stream.Len(), nil)},
				Expect: []scenario.Expectation{scenario.Completes()},
			}}, nil
		},
	}
}
