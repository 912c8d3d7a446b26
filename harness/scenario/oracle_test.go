package scenario

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/toxics/spec"
)

// changed returns an observation with something done to it.
func changed(o Observation, change func(*Observation)) Observation {
	if o.Played != nil {
		played := *o.Played
		o.Played = &played
	}
	change(&o)
	return o
}

func growing(rounds ...Growth) Observation {
	for i := range rounds {
		rounds[i].Conversations = 100
	}
	return Observation{Case: Case{Role: Server}, Ran: true, LeakRounds: &LeakRounds{Rounds: rounds, Memory: rounds}}
}

// steadily has three rounds of the same growth.
func steadily(g Growth) Observation { return growing(g, g, g) }

func accepts(n int, apart time.Duration) (events []event.Event) {
	for i := range n {
		events = append(events, event.Event{Kind: event.Accept, At: time.Duration(i) * apart})
	}
	return events
}

// violating has for each oracle what breaks it, and what is not far from it and
// does not.
func violating() map[string]struct{ broken, fine Observation } {
	whole := answered(2, "HELLO\nWORLD\n", event.EOF)
	fin, rst := event.Event{Kind: event.FIN, Side: event.Client}, event.Event{Kind: event.RST, Side: event.Server}
	split := []spec.Spec{SplitAt(event.Upstream, 1)}
	return map[string]struct{ broken, fine Observation }{
		"alive":  {changed(whole, func(o *Observation) { o.Crash = &peer.Exit{Code: 1} }), whole},
		"serves": {changed(whole, func(o *Observation) { o.AfterErr = errors.New("no answer") }), whole},
		"others": {changed(whole, func(o *Observation) { o.OtherClientErr = errors.New("no answer") }), whole},
		"ends": {ended(answered(2, "", event.Timeout), fin),
			changed(ended(answered(2, "", event.Timeout), fin), func(o *Observation) { o.Case.Target.Policies.IdleTimeout = time.Minute })},
		"clean-end": {ended(whole, rst),
			changed(ended(whole, rst), func(o *Observation) { o.Faults = []spec.Spec{{Type: "reset"}} })},
		"progress": {changed(answered(1, "", event.Timeout), func(o *Observation) { o.Stuck = "it waits for ever" }),
			changed(answered(1, "", event.Timeout), func(o *Observation) { o.Stuck, o.NoEnd = "it waits for ever", true })},
		"extra-bytes": {changed(whole, func(o *Observation) { o.Played.Mismatch = &dialogue.Mismatch{Step: 2, Got: []byte("MORE")} }),
			changed(answered(1, "", event.EOF), func(o *Observation) { o.Played.Mismatch = &dialogue.Mismatch{Step: 1} })},
		"descriptors": {growing(Growth{Descriptors: 100}, Growth{Descriptors: -150}, Growth{Descriptors: 60}, Growth{Descriptors: 100}),
			growing(Growth{Descriptors: 64}, Growth{Descriptors: 52}, Growth{Descriptors: 4}, Growth{Descriptors: -8}, Growth{Descriptors: 64})},
		"close-wait": {steadily(Growth{CloseWait: 50}), steadily(Growth{CloseWait: 49})},
		"threads":    {steadily(Growth{Threads: 100}), growing(Growth{Threads: 100}, Growth{Threads: 100}, Growth{}, Growth{})},
		"zombies":    {steadily(Growth{Zombies: 100}), steadily(Growth{Zombies: 1})},
		"memory": {growing(Growth{Memory: 90 << 20}, Growth{Memory: 90 << 20}),
			growing(Growth{Memory: 90 << 20}, Growth{Memory: 80 << 20}, Growth{Memory: -20 << 20})},
		"cpu": {Observation{Case: Case{Role: Server}, LeakRounds: &LeakRounds{Busy: "python3 took 99 % of a processor"}},
			Observation{Case: Case{Role: Server}, LeakRounds: &LeakRounds{}}},
		"same": {changed(answered(1, "HELLO\n", event.EOF), func(o *Observation) { o.Faults = split }),
			changed(whole, func(o *Observation) { o.Faults = split })},
		"truthful": {told(exited(0, "HEL"), 1), told(exited(0, "HEL"), 2)},
		"attempts": {changed(told(exited(1, ""), 30), func(o *Observation) { o.Events = accepts(30, 10*time.Millisecond) }),
			changed(told(exited(1, ""), 30), func(o *Observation) { o.Events = accepts(30, 100*time.Millisecond) })},
	}
}

// Every oracle can fail, and does not on what is merely unusual.
func TestOracles(t *testing.T) {
	cases := violating()
	for _, oracle := range DefaultOracles() {
		c, ok := cases[oracle.Name]
		if !ok {
			t.Errorf("nothing here breaks %s", oracle.Name)
			continue
		}
		if err := oracle.Check(c.broken); err == nil {
			t.Errorf("%s holds for what breaks it", oracle.Name)
		}
		if err := oracle.Check(c.fine); err != nil {
			t.Errorf("%s accuses what is fine: %v", oracle.Name, err)
		}
	}
}

func TestTargetSetsLevels(t *testing.T) {
	o := violating()["alive"].broken
	if got := FindViolations(o); len(got) != 1 || got[0].Oracle != "alive" || got[0].Level != outcome.Must {
		t.Errorf("got %v, want alive at must", got)
	}
	o.Case.Target.Oracles = map[string]outcome.Level{"alive": outcome.Info}
	if got := FindViolations(o); len(got) != 1 || got[0].Level != outcome.Info {
		t.Errorf("got %v, want alive at info", got)
	}
	o.Case.Target.Oracles["alive"] = Off
	if got := FindViolations(o); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
	if got := FindViolations(changed(violating()["truthful"].broken, func(o *Observation) { o.Case.Role = Server })); len(got) != 0 {
		t.Errorf("got %v: a rule for clients was applied to a server", got)
	}
}

func TestConfigOracles(t *testing.T) {
	text := func(oracles string) []byte {
		return []byte("version: 1\ntargets:\n  - name: kv\n    server: {address: 127.0.0.1:1}\n    client: {dialogue: greet.yaml}\n    test: server\n    oracles: " + oracles + "\n")
	}
	c, err := ParseConfig("conf/harness.yaml", text("{clean-end: must, memory: off}"), files)
	if err != nil || c.Targets[0].Oracles["memory"] != Off || c.Targets[0].Oracles["clean-end"] != outcome.Must {
		t.Errorf("got %v, %v", c.Targets, err)
	}
	_, err = ParseConfig("conf/harness.yaml", text("{clean-ends: must, memory: never}"), files)
	for _, want := range []string{`did you mean "clean-end"`, `"never" is not allowed here`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to contain %q", err, want)
		}
	}
}

func TestLikeness(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want OutputMatch
	}{{"same", "same", SameBytes}, {"id=1", "id=2", SameLength}, {"id=9", "id=10", SameStatus}} {
		if got := CompareOutputs([]byte(tt.a), []byte(tt.b)); got != tt.want || !got.EqualOutputs([]byte(tt.a), []byte(tt.b)) {
			t.Errorf("%q and %q: got %q, want %q", tt.a, tt.b, got, tt.want)
		}
		if tt.want != SameStatus && tt.want.EqualOutputs([]byte(tt.a), []byte("other length")) {
			t.Errorf("%q takes %q for an output of another length", tt.want, tt.a)
		}
	}
}
