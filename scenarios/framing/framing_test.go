package framing_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/framing"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestFraming(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "framing", List: framing.Scenarios})
}
