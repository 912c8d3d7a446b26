package runner

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/spec"
)

const conversation = `dialogue: upper
framing: line
exchanges:
  - send: "hello\n"
    expect: "HELLO\n"
  - send: "world\n"
    expect: "WORLD\n"
end: client closes
`

// serve answers every connection with the given function until the test ends.
func serve(t *testing.T, answer func(conn net.Conn)) scenario.Target {
	t.Helper()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				answer(conn)
			})
		}
	})
	t.Cleanup(func() { listener.Close(); wg.Wait() })
	return scenario.Target{
		Name:   "upper",
		Server: scenario.Peer{Address: listener.Addr().String()},
		Client: scenario.Peer{Dialogue: &scenario.Source{File: "upper.yaml", Text: []byte(conversation)}},
		Test:   scenario.Server,
	}
}

func upper(conn net.Conn) {
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if _, err := conn.Write(bytes.ToUpper(line)); err != nil {
			return
		}
	}
}

// oneRecv takes one read for one message.
func oneRecv(conn net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		message := append(bytes.TrimSpace(bytes.ToUpper(buffer[:n])), '\n')
		if _, err := conn.Write(message); err != nil {
			return
		}
	}
}

// splitting is a scenario that cuts the requests at the given byte.
func splitting(at int64) scenario.Scenario {
	return playing(scenario.Variant{
		Name:   "cut",
		Faults: []spec.Spec{scenario.SplitAt(event.Upstream, at)},
		Expect: []scenario.Expectation{scenario.ExpectCompletion()},
	})
}

func playing(variants ...scenario.Variant) scenario.Scenario {
	return scenario.Scenario{ID: "test/scenario", Level: outcome.Must, Roles: []scenario.Role{scenario.Server},
		Variants: func(scenario.Case) ([]scenario.Variant, error) { return variants, nil }}
}

func play1(t *testing.T, target scenario.Target, s scenario.Scenario) outcome.Result {
	t.Helper()
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), target, s)
	if len(results) != 1 {
		t.Fatalf("got %d results, want 1: %+v", len(results), results)
	}
	return results[0]
}

func want(t *testing.T, r outcome.Result, v outcome.Verdict, messages ...string) {
	t.Helper()
	if r.Verdict != v {
		t.Errorf("got verdict %s (%s), want %s", r.Verdict, r.Message, v)
	}
	for _, m := range messages {
		if !strings.Contains(r.Message+strings.Join(r.Notes, "\n"), m) {
			t.Errorf("got message %q, notes %q, want %q in them", r.Message, r.Notes, m)
		}
	}
}

func TestPassSaysThatTheBoundaryWasReal(t *testing.T) {
	r := play1(t, serve(t, upper), splitting(2))
	want(t, r, outcome.Pass, "verified segment boundaries: 1 (the receiver read each segment separately)")
	if r.Ending.Client != event.EOF || r.Ending.Server != event.EOF {
		t.Errorf("got endings %+v, want eof on both sides", r.Ending)
	}
}

func TestFailCarriesTheTimeline(t *testing.T) {
	r := play1(t, serve(t, oneRecv), splitting(2))
	want(t, r, outcome.Fail, "HELLO")
	if len(r.Events) == 0 {
		t.Error("got no events with the failure")
	}
}

func TestControlFailsBlocked(t *testing.T) {
	broken := func(conn net.Conn) { _, _ = conn.Read(make([]byte, 64)); _, _ = conn.Write([]byte("NO\n")) }
	want(t, play1(t, serve(t, broken), splitting(2)), outcome.Blocked, "without any fault")
}

func TestFaultBeyondTheStreamIsInvalid(t *testing.T) {
	want(t, play1(t, serve(t, upper), splitting(4096)), outcome.Invalid, "did not strike", "carried 12 bytes upstream")
}

func TestMissingProofIsInvalid(t *testing.T) {
	s := playing(scenario.Variant{Proof: func(scenario.Observation) error { return errors.New("nobody was there") }})
	want(t, play1(t, serve(t, upper), s), outcome.Invalid, "nobody was there")
}

func TestTargetThatIsDownIsBlocked(t *testing.T) {
	target := serve(t, upper)
	port, release, err := peer.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	target.Server.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	want(t, play1(t, target, splitting(2)), outcome.Blocked, target.Server.Address)
}

func TestVariantThatIsNotThere(t *testing.T) {
	r := New(Config{Seed: 1, Variant: "byte=7", Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), serve(t, upper), splitting(3))
	if len(results) != 1 {
		t.Fatalf("got %+v, want one result", results)
	}
	want(t, results[0], outcome.Unsupported, `no variant "byte=7"; it has only "cut"`)
}

func TestScenarioSaysUnsupported(t *testing.T) {
	s := playing()
	s.Variants = func(c scenario.Case) ([]scenario.Variant, error) { return nil, c.UnsupportedErrorf("too short") }
	want(t, play1(t, serve(t, upper), s), outcome.Unsupported, "too short")
}

func TestActThatCannotBeDoneHereIsUnsupported(t *testing.T) {
	s := playing(scenario.Variant{Run: func(context.Context, scenario.Rig) error { return fmt.Errorf("pause: %w", sock.ErrUnsupported) },
		Expect: []scenario.Expectation{scenario.ExpectRunSucceeds()}})
	want(t, play1(t, serve(t, upper), s), outcome.Unsupported, "pause")
}

// failing serves as upper, but for the given connections: the two first are the
// controls.
func failing(which ...int64) func(net.Conn) {
	var connections atomic.Int64
	return func(conn net.Conn) {
		if !slices.Contains(which, connections.Add(1)) {
			upper(conn)
		}
	}
}

// splittingOnly leaves out the other client and the fresh conversation, which
// would count as connections.
func splittingOnly(t *testing.T, server func(net.Conn)) outcome.Result {
	target := serve(t, server)
	target.State = scenario.StateConnection
	target.Oracles = map[string]outcome.Level{"serves": scenario.Off, "others": scenario.Off}
	return play1(t, target, splitting(2))
}

// resumed is a connection of which something was read before.
type resumed struct {
	net.Conn
	rest io.Reader
}

func (r resumed) Read(b []byte) (int, error) { return r.rest.Read(b) }

// A target may allow that its server stops to serve: then that is no failure.
func TestDamageThatTheTargetPutsUpWith(t *testing.T) {
	var connections atomic.Int64
	target := serve(t, func(conn net.Conn) { // it serves the two controls, and the client that sends in pieces
		if connections.Add(1) <= 2 {
			upper(conn)
			return
		}
		first := make([]byte, 64)
		if n, _ := conn.Read(first); n == 2 {
			upper(resumed{conn, io.MultiReader(bytes.NewReader(first[:n]), conn)})
		}
	})
	target.State = scenario.StateConnection
	target.Oracles = map[string]outcome.Level{"serves": outcome.Info, "others": scenario.Off}
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), target, splitting(2))
	if len(results) == 0 || results[0].Verdict != outcome.Pass {
		t.Errorf("got %+v, want a pass first", results)
	}
}

// In a zoo a failure is confirmed where the program's bug is planted. Elsewhere it is not confirmed.
func TestZooConfirmsWhatIsPlanted(t *testing.T) {
	for planted, confirmed := range map[string]bool{"": true, "test/scenario": true, "test/other": false} {
		target := serve(t, oneRecv)
		target.Oracles = map[string]outcome.Level{"serves": scenario.Off, "others": scenario.Off}
		target.Planted = planted
		r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir(), Zoo: true})
		results := r.RunScenario(t.Context(), target, splitting(2))
		r.Close()
		if len(results) != 1 || results[0].Verdict != outcome.Fail || (results[0].Share != nil) != confirmed {
			t.Errorf("planted in %q: got %+v, want a failure that is confirmed: %v", planted, results, confirmed)
		}
	}
}

// A failure that does not happen again is flaky: no failure and no pass.
func TestFailureThatPassesAloneIsFlaky(t *testing.T) {
	r := splittingOnly(t, failing(3))
	want(t, r, outcome.Flaky, "failed in 1 of 4 runs")
	if r.Share == nil || *r.Share != (outcome.Confirmation{Failed: 0, Runs: 3}) {
		t.Errorf("got share %v, want 0 of 3", r.Share)
	}
}

// A timeout that does not happen again with a larger budget is no failure.
func TestLateOnceIsAPass(t *testing.T) {
	var connections atomic.Int64
	r := splittingOnly(t, func(conn net.Conn) {
		if connections.Add(1) == 3 { // the first after the two controls
			io.Copy(io.Discard, conn) // until it is given up
			return
		}
		upper(conn)
	})
	want(t, r, outcome.Pass)
	if !strings.Contains(strings.Join(r.Notes, "\n"), "twice the time") {
		t.Errorf("got the notes %q, want one that tells", r.Notes)
	}
}

// A failure counts when each of three more runs has it.
func TestFailureIsConfirmedThreeTimes(t *testing.T) {
	r := splittingOnly(t, oneRecv)
	want(t, r, outcome.Fail)
	if r.Share == nil || *r.Share != (outcome.Confirmation{Failed: 3, Runs: 3}) {
		t.Errorf("got share %v, want 3 of 3", r.Share)
	}
}

// What differs between the two controls is not compared.
// TestSlowServerIsNotAccused is for a server that needs more than the budget for
// every answer, with or without a fault.
func TestSlowServerIsNotAccused(t *testing.T) {
	target := serve(t, func(conn net.Conn) {
		lines := bufio.NewReader(conn)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			<-time.After(400 * time.Millisecond) // the subject: a server that is slow
			if _, err := conn.Write(bytes.ToUpper(line)); err != nil {
				return
			}
		}
	})
	r := New(Config{Seed: 1, Budget: 300 * time.Millisecond, Tmp: t.TempDir()})
	defer r.Close()
	results := r.RunScenario(t.Context(), target, splitting(3))
	if len(results) != 1 || results[0].Verdict != outcome.Pass || !strings.Contains(strings.Join(results[0].Notes, "\n"), "without a fault") {
		t.Errorf("got %+v, want a pass that says for how long the server may take", results)
	}
}

func TestAnswerThatTheDialogueDoesNotExpectBlocks(t *testing.T) {
	target := serve(t, upper)
	target.Client.Dialogue.Text = []byte("{dialogue: mute, framing: line, exchanges: [{send: \"hello\\n\"}]}")
	if r := play1(t, target, splitting(3)); r.Verdict != outcome.Blocked || !strings.Contains(r.Message, `"HELLO\n"`) {
		t.Errorf("got %s (%s), want blocked by an answer", r.Verdict, r.Message)
	}
}

func TestSecondControlFailsBlocked(t *testing.T) {
	want(t, play1(t, serve(t, failing(2)), splitting(2)), outcome.Blocked, "the second time")
}

// A sweep over a peer that never passes stops instead of waiting for each.
func TestSweepStopsAfterEnoughFailures(t *testing.T) {
	var variants []scenario.Variant
	for range 60 {
		variants = append(variants, scenario.Variant{Expect: []scenario.Expectation{
			{Name: "never", Check: func(scenario.Observation) error { return errors.New("no") }}}})
	}
	r := New(Config{Seed: 1, Budget: 200 * time.Millisecond, Tmp: t.TempDir(), Servers: 4})
	defer r.Close()
	results := r.RunScenario(t.Context(), serve(t, upper), playing(variants...))
	if len(results) < maxSuspects || len(results) > maxSuspects+4 {
		t.Errorf("got %d results of 60 variants, want about %d", len(results), maxSuspects)
	}
	for _, result := range results {
		if result.Verdict != outcome.Fail {
			t.Errorf("got verdict %s, want fail", result.Verdict)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	r := New(Config{})
	r.Close()
	r.Close()
}

// A broken program of a zoo gets all variants where its bug is to be found: in the scenario that must
// find it, or everywhere until the check has found it.
func TestZooKnowsWhereToLook(t *testing.T) {
	found := []outcome.Result{{Check: "zombies", Verdict: outcome.Fail, Level: outcome.Must}}
	for _, c := range []struct {
		zoo       bool
		planted   string
		results   []outcome.Result
		elsewhere bool
	}{
		{true, "", found, false},
		{true, "test/here", found, false},
		{true, "test/there", nil, true},
		{false, "test/there", nil, false},
		{true, "check:zombies", nil, false},
		{true, "check:threads", found, false},
		{true, "check:zombies", found, true},
	} {
		b := newTargetRun(Config{Zoo: c.zoo}, nil, scenario.Target{Planted: c.planted})
		b.notePlanted(c.results)
		if got := b.plantedElsewhere(scenario.Scenario{ID: "test/here"}); got != c.elsewhere {
			t.Errorf("zoo %v, planted %q, %d results: elsewhere is %v, want %v", c.zoo, c.planted, len(c.results), got, c.elsewhere)
		}
	}
}
