package refused

import (
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// nameScenarios are about the name server that a client asks for its server.
func nameScenarios() []scenario.Scenario {
	all := []scenario.Scenario{namesSilent(), namesFail(), namesSlow(), namesSecond()}
	for i := range all {
		all[i].Roles = scenario.ClientRole()
		all[i].Transports = []scenario.Transport{scenario.TCP, scenario.TLS}
	}
	return all
}

// nameTime is how long a client may take that gives its name server two seconds, which is what
// it is told by resolv.conf.
const nameTime = 3 * time.Second

func namesSilent() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/dns-silent",
		Title: "A client whose name server does not answer reports it and exits",
		Rationale: "A name server is down, or a firewall drops what it says. A client that takes no answer for nothing to do ends with " +
			"exit status 0; one that asks by itself, without a time limit, waits without end. The harness is the name server.",
		Ref:   "RFC 1035 §4.2.1; resolv.conf(5) timeout; getaddrinfo(3) EAI_AGAIN",
		Level: outcome.Must,
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return nameVariant(c, scenario.NameFault{Silent: true}, nil, scenario.ReportsFailure())
		},
	}
}

func namesFail() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/dns-error",
		Title: "A client whose name server fails reports it and exits",
		Rationale: "SERVFAIL comes at once, as often as it is asked for. A client that asks again without a pause, until there is an " +
			"answer, uses a processor and floods a name server that is in trouble already.",
		Ref:   "RFC 2308 §7.1; RFC 9520; getaddrinfo(3) EAI_AGAIN",
		Level: outcome.Must,
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			return nameVariant(c, scenario.NameFault{Fails: true}, nil, scenario.ReportsFailure())
		},
	}
}

func namesSlow() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/dns-slow",
		Title: "A client whose name server answers after 600 ms waits for it",
		Rationale: "A name that no cache has takes a name server several round trips. A client with a time limit for its connect alone " +
			"that also counts the name fails only where names are slow.",
		Ref:   "RFC 1035 §7.2; resolv.conf(5) timeout",
		Level: outcome.Must,
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if limit := c.Target.Policies.AnswerTimeout; limit > 0 && limit < 2*slowConnect {
				return nil, c.UnsupportedErrorf("the target declares an answer_timeout of %s", limit)
			}
			return nameVariant(c, scenario.NameFault{Delay: slowConnect}, nil, scenario.ExpectCompletion())
		},
	}
}

func namesSecond() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/dns-second-address",
		Title: "A client connects to the other address of its server's name when one is dead",
		Rationale: "A name server tells several addresses, in any order, and one of them is down. A client that takes one of them does not " +
			"reach a server that is there. The first address that the client tries refuses it.",
		Ref:   "RFC 1123 §2.3; getaddrinfo(3); RFC 8305; catalogue: first-address-only",
		Level: outcome.Should,
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			dead := scenario.ConnectFault{Errno: syscall.ECONNREFUSED, First: true}
			return nameVariant(c, scenario.NameFault{Second: true}, &dead, scenario.ExpectCompletion())
		},
	}
}

// nameVariant is the one variant of a scenario about a name server.
func nameVariant(c scenario.Case, f scenario.NameFault, connect *scenario.ConnectFault, want scenario.Expectation) ([]scenario.Variant, error) {
	if !c.Target.Client.ConnectsToName() {
		return nil, c.UnsupportedErrorf("the target has no connects_to with a name, so its client asks no name server for its server")
	}
	return []scenario.Variant{{Names: &f, Connect: connect, Budget: nameTime, Proof: scenario.ActStruck, Expect: []scenario.Expectation{want}}}, nil
}
