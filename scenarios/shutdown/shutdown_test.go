package shutdown_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/shutdown"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestShutdown(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "shutdown", List: shutdown.Scenarios})
}
