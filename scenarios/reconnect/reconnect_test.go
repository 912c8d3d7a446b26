package reconnect_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/reconnect"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestReconnect(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "reconnect", List: reconnect.Scenarios})
}
