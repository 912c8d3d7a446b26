package runner

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// controlled fails always, and its control as the argument says.
func controlled(control func() error) scenario.Scenario {
	failing := scenario.Variant{
		Name:   "beside",
		Run:    func(context.Context, scenario.Rig) error { return errors.New("no answer beside another client") },
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}
	failing.Control = &scenario.Control{Without: "the other client", See: "test/alone", Variant: scenario.Variant{
		Run:    func(context.Context, scenario.Rig) error { return control() },
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()},
	}}
	return playing(failing)
}

func TestVariantWhoseControlFailsIsBlocked(t *testing.T) {
	r := play1(t, serve(t, upper), controlled(func() error { return errors.New("no answer alone") }))
	want(t, r, outcome.Blocked, "fails without the other client too, so the other client is not the cause; see test/alone", "no answer alone")
	if r.Variant != "beside" || r.Level != outcome.Must || strings.Contains(r.Message, "beside another client") {
		t.Errorf("got %+v, want the variant's name and level, and the control's failure", r)
	}
}

func TestVariantWhoseControlPassesFails(t *testing.T) {
	r := play1(t, serve(t, upper), controlled(func() error { return nil }))
	want(t, r, outcome.Fail, "beside another client")
	if r.Share == nil || r.Share.Failed != confirmationRuns {
		t.Errorf("got share %+v, want it confirmed", r.Share)
	}
}

func TestControlThatFailsOnceBlocksNothing(t *testing.T) {
	runs := 0
	r := play1(t, serve(t, upper), controlled(func() error {
		if runs++; runs == 1 {
			return errors.New("by chance")
		}
		return nil
	}))
	want(t, r, outcome.Fail, "beside another client")
}

// Failures of one bug have the same cause in all scenarios: here the first wrong byte.
func TestFailuresOfOneBugNameOneCause(t *testing.T) {
	no := func(conn net.Conn) {
		for buffer := make([]byte, 64); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			answer := strings.ToUpper(string(buffer[:n]))
			if buffer[n-1] != '\n' {
				answer = "?\n"
			}
			if _, err := conn.Write([]byte(answer)); err != nil {
				return
			}
		}
	}
	for _, at := range []int64{2, 4} {
		if r := play1(t, serve(t, no), splitting(at)); r.Cause != "first wrong byte '?'" {
			t.Errorf("cut at %d: got cause %q", at, r.Cause)
		}
	}
}
