package runner

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func TestConnectFault(t *testing.T) {
	elsewhere := netip.MustParseAddrPort("192.0.2.9:80")
	for _, c := range []struct {
		name  string
		fault scenario.ConnectFault
		want  scenario.Expectation
		is    outcome.Verdict
	}{
		{"each fails", scenario.ConnectFault{Errno: syscall.ENETUNREACH}, scenario.ReportsFailure(), outcome.Pass},
		{"each fails, and that is no success", scenario.ConnectFault{Errno: syscall.ENETUNREACH}, scenario.ExpectCompletion(), outcome.Fail},
		{"another address", scenario.ConnectFault{Address: elsewhere, Errno: syscall.ENETUNREACH}, scenario.ExpectCompletion(), outcome.Unsupported},
	} {
		v := scenario.Variant{Connect: &c.fault, Proof: scenario.ActStruck, Expect: []scenario.Expectation{c.want}}
		if r := runPrograms(t, scenario.Client, v); r.Verdict != c.is {
			t.Errorf("%s: got %s: %s", c.name, r.Verdict, r.Message)
		}
	}
}

// A client that has its address built in is led to the proxy, also if the address is a name that no
// name server knows.
func TestBuiltInAddress(t *testing.T) {
	for _, address := range []string{"192.0.2.7:5432", "db.example.invalid:5432"} {
		target := programTarget(t, scenario.Client)
		last := len(target.Client.Command) - 1
		target.Client.Command[last] = address
		target.Client.ConnectsTo = []string{address}
		s := playing(scenario.Variant{Expect: []scenario.Expectation{scenario.ExpectCompletion()}})
		s.Roles = scenario.ClientRole()
		if r := play1(t, target, s); r.Verdict != outcome.Pass {
			t.Errorf("%s: got %s: %s", address, r.Verdict, r.Message)
		}
	}
}
