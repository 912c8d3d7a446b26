package liveness_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/liveness"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestLiveness(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "liveness", List: liveness.Scenarios})
}
