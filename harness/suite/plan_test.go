package suite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/sockharness/harness/harness/coordinator"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
)

// The plan has the specs that Ginkgo itself would run, in its order.
func TestPlanIsGinkgos(t *testing.T) {
	var topics []Topic
	for _, name := range []string{"reset", "eof", "accept", "none", "framing"} {
		var all []scenario.Scenario
		for i := range len(name) - 3 {
			level := outcome.AllLevels()[i%2]
			all = append(all, scenario.Scenario{ID: fmt.Sprintf("%s/s%d", name, 9-i), Level: level, Roles: scenario.ServerRole(), Transports: scenario.Transports(), Alone: true})
		}
		if name == "none" {
			all = nil
		}
		topics = append(topics, Topic{Name: name, List: func() []scenario.Scenario { return all }})
	}
	command := scenario.Peer{Command: []string{"server", "{port}"}}
	job := Job{Targets: []scenario.Target{{Name: "b on c", Server: command, Test: scenario.Server}, {Name: "a", Server: command, Test: scenario.Server}},
		Runner: runner.Config{Seed: 7}, LabelFilter: "!s9 && (must || eof)"}

	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.RandomSeed, suite.LabelFilter = job.Runner.Seed, job.LabelFilter
	for _, topic := range job.selectTopics(topics) {
		job.newRegistry().DeclareTopic(topic.Name, topic.List()...)
	}
	want := coordinator.PlanSpecs(ginkgo.PreviewSpecs("harness", suite, reporter))
	got := job.orderedSpecs(topics)
	if len(want) == 0 || len(got) != len(want) {
		t.Fatalf("got %d specs, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != want[i].Name || got[i].Preview.LeafNodeText != want[i].Preview.LeafNodeText {
			t.Errorf("%d: got %q, want %q", i, got[i].Name, want[i].Name)
		}
	}
	if planned := job.PlanSpecs(topics); planned[0].Group != "b on c" || planned[len(planned)-1].Group != "a" {
		t.Errorf("the specs of %q come first, those of %q last, want the order of the targets", planned[0].Group, planned[len(planned)-1].Group)
	}
}

// A zoo begins with the broken programs, which one worker plays, and with servers that are started for
// each conversation.
func TestZooBeginsWithWhatTakesLongest(t *testing.T) {
	s := scenario.Scenario{ID: "eof/one", Level: outcome.Must, Roles: scenario.ServerRole(), Transports: scenario.Transports(), Alone: true}
	topics := []Topic{{Name: "eof", List: func() []scenario.Scenario { return []scenario.Scenario{s} }}}
	tcp := scenario.Peer{Command: []string{"server", "{port}"}}
	stdio := scenario.Peer{Command: []string{"server"}, Transport: scenario.Pipes}
	job := Job{Targets: []scenario.Target{{Name: "tcp", Server: tcp, Test: scenario.Server}, {Name: "stdio", Server: stdio, Test: scenario.Server},
		{Name: "broken", Server: tcp, Test: scenario.Server, Planted: "eof/one"}}}
	for zoo, want := range map[bool]string{false: "tcp stdio broken", true: "broken stdio tcp"} {
		job.Runner.Zoo = zoo
		var order []string
		for _, spec := range job.PlanSpecs(topics) {
			order = append(order, spec.Group)
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("zoo %t: got %s, want %s", zoo, got, want)
		}
	}
}
