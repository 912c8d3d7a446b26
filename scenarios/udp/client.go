package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

func lostRequest() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/lost-request",
		Title: "A client whose request is lost sends it again, or says that it failed",
		Rationale: "No error tells a client that a datagram was lost. One that waits without a time limit waits without end, on a network " +
			"where others notice nothing.",
		Ref:   "RFC 8085 §3.1.3; catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return strikeEach(c, event.Upstream, "drop", scenario.FailsOrRecovers())
		},
	}
}

func lostReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/lost-reply",
		Title: "A client whose answer is lost asks again, or says that it failed",
		Rationale: "For the client it is the same as a lost request; the server has carried it out. A client that then takes the answer to " +
			"its next request for this one is out of step.",
		Ref:   "RFC 8085 §3.1.3; catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return strikeEach(c, event.Downstream, "drop", scenario.FailsOrRecovers())
		},
	}
}

func silence() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/silence",
		Title: "A client that gets no answer tries again with pauses, and gives up",
		Rationale: "The server is down, or a firewall drops the datagrams. A client that sends again without a pause floods the network " +
			"that is in trouble already; one without a limit never tells its user.",
		Ref:   "RFC 8085 §3.1.3; catalogue: udp-storm",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if _, err := answeredSteps(c); err != nil {
				return nil, err
			}
			all := spec.Spec{Name: "drop_upstream", Type: "drop", Direction: event.Upstream}
			return []scenario.Variant{{Faults: []spec.Spec{all}, Expect: []scenario.Expectation{scenario.GivesUp(), moderate()}}}, nil
		},
	}
}

// maxRate is how many datagrams a second nobody would call moderate.
const maxRate = 20

// moderate expects few datagrams a second while nothing is answered, and no more in all than
// the target declares.
func moderate() scenario.Expectation {
	return scenario.Expectation{Name: "sends again in moderation", Check: func(o scenario.Observation) error {
		if peak := o.Attempts.PeakPerSecond(); peak > maxRate {
			return fmt.Errorf("the client sent %s within one second while nothing was answered", plural.Count(peak, "datagram"))
		}
		retries := o.Case.Target.Policies.Retries
		if most := retries + 1; retries > 0 && len(o.Attempts.At) > most {
			return fmt.Errorf("the client sent its request %d times, and declares retries: %d", len(o.Attempts.At), retries)
		}
		return nil
	}}
}

func duplicatedReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/duplicated-reply",
		Title: "An answer that comes twice is not taken for the answer to the next request",
		Rationale: "The copy waits in the client's socket when it asks its next question. A client that does not compare an id, or use a new " +
			"socket, is one answer behind from then on.",
		Ref:   "RFC 768; RFC 1350 (sorcerer's apprentice, RFC 1123 §4.2.3.1); catalogue: udp-loss",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return strikeEach(c, event.Downstream, "duplicate", scenario.ExpectCompletion())
		},
	}
}

func truncatedReply() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/truncated-reply",
		Title: "An answer that was cut is not taken for a whole one",
		Rationale: "A buffer that is too small cuts a datagram without an error (MSG_TRUNC), and so do some relays. A client that prints what is " +
			"left reports success on a part of the answer.",
		Ref:   "recv(2) MSG_TRUNC; catalogue: udp-truncated",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			steps, err := answeredSteps(c)
			if err != nil {
				return nil, err
			}
			last := steps[len(steps)-1]
			var out []scenario.Variant
			for _, kept := range [...]string{"1", "quarter", "half", "all-but-1"} {
				out = append(out, scenario.Variant{Name: "kept=" + kept, Proof: scenario.ActStruck, Expect: []scenario.Expectation{declaredTruncation(c)},
					Answer: func(r scenario.DatagramRequest) []scenario.DatagramReply {
						if r.Step != last || r.Asked > 1 || len(r.Reply) < 2 {
							return []scenario.DatagramReply{{Bytes: r.Reply}}
						}
						n := max(1, map[string]int{"1": 1, "quarter": len(r.Reply) / 4, "half": len(r.Reply) / 2, "all-but-1": len(r.Reply) - 1}[kept])
						return []scenario.DatagramReply{{Bytes: r.Reply[:n], Odd: fmt.Sprintf("the answer of %s was cut to %d", plural.Count(len(r.Reply), "byte"), n)}}
					}})
			}
			return out, nil
		},
	}
}

// declaredTruncation expects no success on a part of an answer. Whether a part can be told
// from the whole is the protocol's: a target that says nothing of it gets a remark.
func declaredTruncation(c scenario.Case) scenario.Expectation {
	strict := scenario.FailsOrRecovers()
	return scenario.Expectation{Name: strict.Name, Check: func(o scenario.Observation) error {
		err := strict.Check(o)
		if err == nil || o.Client == nil || !o.Client.Exit.Success() || o.Client.TimedOut {
			return err
		}
		switch c.Target.Policies.Truncated {
		case scenario.TruncationAccepted:
			return nil
		case scenario.TruncationUndeclared:
			return scenario.NewUndeclared("policies: {truncated: error} if an answer tells its own length, or accepted if it does not",
				"the client reported success on a cut answer: %v", err)
		}
		return err
	}}
}

func refused() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/refused",
		Title: "A client whose server's port is closed reports it and exits",
		Rationale: "The kernel answers by ICMP, and a connected socket returns ECONNREFUSED from the next call. A client that takes the error " +
			"for an empty answer, or ignores it and waits, hides that no server runs.",
		Ref:   "udp(7); RFC 1122 §4.1.3.3",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if _, err := answeredSteps(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{{AcceptMode: scenario.Refusing, Run: startRefused, Budget: c.GiveUpTimeout(), Proof: scenario.ActStruck,
				Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()}}}, nil
		},
	}
}

// startRefused starts the client when it is known that its server's port is closed.
func startRefused(ctx context.Context, rig scenario.Rig) error {
	if err := provePortClosed(strings.TrimPrefix(rig.ProxyAddr(), "udp:")); err != nil {
		return err
	}
	rig.ReportStruck("the server's port is closed: a connected socket gets ECONNREFUSED")
	client, err := rig.StartClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := client.WatchAttempts(ctx, 0, nil)
	switch {
	case err != nil:
		return err
	case state.TimedOut && state.Stuck != "":
		return fmt.Errorf("the server's port is closed, and it is proven that %s", state.Stuck)
	case state.TimedOut:
		return scenario.NewUndeclared("policies: {answer_timeout: …}", "the server's port is closed, and the client has not ended after %s%s",
			state.Elapsed.Round(time.Millisecond), scenario.QuoteLastLine(state.Stderr))
	case state.Exit.Success():
		return fmt.Errorf("the server's port is closed, and the client exited with status 0, which means success%s", scenario.QuoteLastLine(state.Stderr))
	case state.Exit.Signal != 0:
		return fmt.Errorf("the server's port is closed, and the client was killed by %s", state.Exit.Signal)
	}
	return nil
}

// provePortClosed returns nil once the port refuses datagrams.
func provePortClosed(address string) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for range 2 {
		if _, err = conn.Write([]byte{0}); errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
	}
	return fmt.Errorf("%w: the port of the proxy does not refuse datagrams here: %w", scenario.ErrUnsupported, err)
}
