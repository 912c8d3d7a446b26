package runner

import (
	"context"
	"slices"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics/spec"
)

// scripted returns the script of a dialogue's text.
func scripted(t *testing.T, text string) *dialogue.Script {
	t.Helper()
	d, err := dialogue.Parse("d.yaml", []byte(text))
	if err != nil {
		t.Fatalf("dialogue: %v", err)
	}
	s, err := d.ResolveScript(seed.New(1))
	if err != nil {
		t.Fatalf("script: %v", err)
	}
	return s
}

// TestWithDataTakesWhatConsistsOfFaults derives variants for two data connections, of which
// one has bytes that go up.
func TestWithDataTakesWhatConsistsOfFaults(t *testing.T) {
	s := scripted(t, `{dialogue: d, framing: line, exchanges: [{send: "ask\n", expect: "1\n"},
		{connect: {to: 1024, exchanges: [{send: "up"}]}}, {connect: {to: 1024, exchanges: [{expect: "down"}]}}]}`)
	c := scenario.Case{Role: scenario.Server, Conversation: scenario.ScriptedConversation(s), Limit: 40}
	if n := len(c.Conversation.Data); n != 2 {
		t.Fatalf("the conversation has %d data connections, want 2", n)
	}
	limits := []int{}
	splits := scenario.Scenario{Variants: func(c scenario.Case) ([]scenario.Variant, error) {
		limits = append(limits, c.Limit)
		if len(c.Conversation.Upstream.Bytes) == 0 {
			return nil, c.UnsupportedErrorf("nothing goes up")
		}
		return []scenario.Variant{
			{Name: "byte=1", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 1)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}},
			{Name: "at once", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 1)}, Pipelined: true},
			{Name: "nothing"},
		}, nil
	}}
	own, err := splits.Variants(c)
	all, err := withData(splits, c, own, err)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(own)+1 {
		t.Fatalf("%d variants, want one more than %d", len(all), len(own))
	}
	if v := all[len(own)]; v.Name != "data 1 byte=1" || v.Data != 1 || len(v.Expect) != 2 {
		t.Errorf("got %q for data connection %d with %d expectations", v.Name, v.Data, len(v.Expect))
	}
	if !slices.Equal(limits, []int{40, 10, 10}) {
		t.Errorf("limits %v", limits)
	}
	_, err = withData(splits, c, nil, c.UnsupportedErrorf("no"))
	if err != nil {
		t.Errorf("a scenario for a data connection alone: %v", err)
	}
}

func TestLeaksAreLookedForByConnection(t *testing.T) {
	groups := byConnection([]scenario.Variant{{Name: "a"}, {Name: "b", Data: 2}, {Name: "c"}, {Name: "d"}})
	if len(groups) != 2 || len(groups[0]) != 3 || len(groups[1]) != 1 {
		t.Fatalf("%v", groups)
	}
	if n := smallestGroup(groups, 4); n != 1 {
		t.Errorf("a growth by %d is not looked at", n)
	}
	if n := smallestGroup(groups[:1], 7); n != 7 {
		t.Errorf("one connection: got %d, want what was played", n)
	}
}

// TestWithBeforeTakesWhatStrikesThere derives variants for what is said before TLS: what would end
// the stream where TLS begins is none of them.
func TestWithBeforeTakesWhatStrikesThere(t *testing.T) {
	before := scenario.ScriptedConversation(scripted(t, `{dialogue: d, framing: line, greeting: "hi\n", exchanges: [{send: "tls\n", expect: "go\n"}]}`))
	c := scenario.Case{Role: scenario.Server, Conversation: scenario.ScriptedConversation(scripted(t, `{dialogue: d, framing: line, exchanges: [{send: "ask\n", expect: "1\n"}]}`)), Limit: 40}
	c.Conversation.Before, c.Conversation.Exit = &before, 3
	faults := scenario.Scenario{Variants: func(c scenario.Case) ([]scenario.Variant, error) {
		if c.Conversation.Exit != 3 {
			t.Errorf("exit status %d, want that of the whole", c.Conversation.Exit)
		}
		size := c.Conversation.Upstream.ByteCount()
		return []scenario.Variant{
			{Name: "byte=1", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 1)}, Expect: []scenario.Expectation{scenario.ExpectCompletion()}},
			{Faults: []spec.Spec{scenario.FaultAt("reset", event.Upstream, size-1, nil)}},
			{Name: "end", Faults: []spec.Spec{scenario.FaultAt("half_close", event.Upstream, size, nil)}},
			{Name: "window", Faults: []spec.Spec{scenario.FaultFromStart("small_window", event.Upstream, nil)}},
			{Name: "act", Run: func(context.Context, scenario.Rig) error { return nil }},
		}, nil
	}}
	own, err := faults.Variants(c)
	all, err := withBefore(faults, c, own, err)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range all[len(own):] {
		names = append(names, v.Name)
		if !v.Before || v.Name == "before TLS byte=1" && len(v.Expect) != 2 {
			t.Errorf("%q: before %v, %d expectations", v.Name, v.Before, len(v.Expect))
		}
	}
	if !slices.Equal(names, []string{"before TLS byte=1", "before TLS"}) {
		t.Errorf("variants %q", names)
	}
	groups := byConnection(all)
	if len(groups) != 2 || len(groups[1]) != 2 {
		t.Errorf("leaks are looked for in %d groups", len(groups))
	}
}
