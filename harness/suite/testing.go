package suite

import (
	"os"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/sockharness/harness/fixtures/reference"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
)

// RunTestMain is the TestMain of a topic's own tests: the test binary stands in for
// the command where that re-executes itself, as guardian or as a reference peer.
func RunTestMain(m *testing.M) {
	if peer.GuardianMain() {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "peer" {
		os.Exit(reference.Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// ownSweep keeps a topic's own test short; the command sweeps wider.
const ownSweep = 32

// RunTopic runs one topic against the reference peers under go test.
func RunTopic(t *testing.T, topic Topic) {
	t.Helper()
	targets, err := ReferenceTargets()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A program with the race detector waits a second before it exits, and the
	// reference peers are this one.
	t.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	player := runner.New(runner.Config{Seed: 1, Self: self, Tmp: t.TempDir(), Sweep: ownSweep})
	t.Cleanup(player.Close)
	(&Registry{Targets: targets, Player: player}).DeclareTopic(topic.Name, topic.List()...)
	ginkgo.RunSpecs(t, t.Name())
}

// ReferenceTargets returns the targets of the peers that are compiled in.
func ReferenceTargets() ([]scenario.Target, error) {
	const file = "harness.yaml"
	text, err := reference.Files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config, err := scenario.ParseConfig(file, text, reference.Files.ReadFile)
	for i := range config.Targets {
		config.Targets[i].Dir = ""
	}
	return config.Targets, err
}
