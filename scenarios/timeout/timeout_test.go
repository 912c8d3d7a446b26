package timeout_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/timeout"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestTimeout(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "timeout", List: timeout.Scenarios})
}
