package refused

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// connectErrors are what connect(2) fails with, beside ECONNREFUSED.
var connectErrors = []struct {
	name  string
	errno syscall.Errno
}{
	{"ETIMEDOUT", syscall.ETIMEDOUT}, {"EHOSTUNREACH", syscall.EHOSTUNREACH}, {"ENETUNREACH", syscall.ENETUNREACH},
	{"EADDRNOTAVAIL", syscall.EADDRNOTAVAIL}, {"EACCES", syscall.EACCES},
}

func connectFails() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/connect-error",
		Title: "A client whose connect fails reports it and exits, whatever the error is",
		Rationale: "Hosts are down (ETIMEDOUT, EHOSTUNREACH), routes are missing (ENETUNREACH), local ports run out " +
			"(EADDRNOTAVAIL), firewalls reject (EACCES). A client that handles ECONNREFUSED only ends with exit status 0, or " +
			"waits, on the others. The harness answers the connect of the client (seccomp user notification).",
		Ref:        "connect(2); catalogue: so-error-ignored",
		Level:      outcome.Must,
		Roles:      scenario.ClientRole(),
		Transports: []scenario.Transport{scenario.TCP, scenario.TLS},
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var out []scenario.Variant
			for _, e := range connectErrors {
				out = append(out, connectVariant("errno="+e.name, scenario.ConnectFault{Errno: e.errno}, scenario.ReportsFailure()))
			}
			return out, nil
		},
	}
}

// slowConnect is how long a connect takes that is slow: longer than a round trip to the
// other side of the earth, shorter than the first SYN that is sent again.
const slowConnect = 600 * time.Millisecond

func connectSlow() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/slow-connect",
		Title: "A client whose connect takes 600 ms waits for it",
		Rationale: "A full accept queue, a lost SYN or a far host makes a connect slow, not wrong. A client that does not " +
			"wait, or sends before the connection is there (ENOTCONN, EAGAIN), fails only on slow networks.",
		Ref:        "connect(2) EINPROGRESS; tcp(7) tcp_syn_retries; catalogue: so-error-ignored",
		Level:      outcome.Must,
		Roles:      scenario.ClientRole(),
		Transports: []scenario.Transport{scenario.TCP, scenario.TLS},
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if limit := c.Target.Policies.AnswerTimeout; limit > 0 && limit < 2*slowConnect {
				return nil, c.UnsupportedErrorf("the target declares an answer_timeout of %s", limit)
			}
			v := connectVariant("", scenario.ConnectFault{Delay: slowConnect}, scenario.ExpectCompletion())
			v.Budget = slowConnect
			return []scenario.Variant{v}, nil
		},
	}
}

func secondAddress() scenario.Scenario {
	return scenario.Scenario{
		ID:    "refused/second-address",
		Title: "A client connects to the second address of its server when the first is dead",
		Rationale: "A name has several addresses: IPv6 and IPv4 (localhost is ::1 and 127.0.0.1), or several hosts. Servers " +
			"listen on one of them, or one is down. A client that tries only the first does not reach a server that is there. " +
			"The harness tells the client localhost as {host}, or takes the addresses of connects_to.",
		Ref:        "getaddrinfo(3); RFC 8305; RFC 6724; catalogue: first-address-only",
		Level:      outcome.Should,
		Roles:      scenario.ClientRole(),
		Transports: []scenario.Transport{scenario.TCP, scenario.TLS},
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if len(c.Target.Client.ConnectsTo) > 0 {
				return deadAddresses(c)
			}
			if !slices.ContainsFunc(append(slices.Clone(c.Target.Client.Command), c.Target.Client.Env...), takesHost) {
				return nil, c.UnsupportedErrorf("the client's command has no {host} and no {addr}, so it cannot be told a name")
			}
			if err := scenario.DualNames(context.Background()); err != nil {
				return nil, c.UnsupportedErrorf("%v", err)
			}
			six, four := netip.AddrPortFrom(netip.IPv6Loopback(), 0), netip.MustParseAddrPort("127.0.0.1:0")
			v := deadAddress(six)
			old := deadAddress(four)
			old.Level = outcome.Info // a program may know IPv4 only
			v.Host, old.Host = "localhost", "localhost"
			return []scenario.Variant{v, old}, nil
		},
	}
}

func takesHost(word string) bool {
	return strings.Contains(word, "{host}") || strings.Contains(word, "{addr}")
}

// deadAddresses has each of the addresses dead that the client has built in.
func deadAddresses(c scenario.Case) ([]scenario.Variant, error) {
	all, err := c.Target.Client.ConnectAddrs(context.Background())
	if err != nil {
		return nil, c.UnsupportedErrorf("%v", err)
	}
	if len(all) < 2 {
		return nil, c.UnsupportedErrorf("the target's connects_to has only one address")
	}
	var out []scenario.Variant
	for _, address := range all {
		out = append(out, deadAddress(address))
	}
	return out, nil
}

func deadAddress(address netip.AddrPort) scenario.Variant {
	name := "dead=" + address.Addr().String()
	return connectVariant(name, scenario.ConnectFault{Address: address, Errno: syscall.ECONNREFUSED}, scenario.ExpectCompletion())
}

func connectVariant(name string, f scenario.ConnectFault, want scenario.Expectation) scenario.Variant {
	return scenario.Variant{Name: name, Connect: &f, Proof: scenario.ActStruck, Expect: []scenario.Expectation{want}}
}
