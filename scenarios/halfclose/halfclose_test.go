package halfclose_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/halfclose"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestHalfclose(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "halfclose", List: halfclose.Scenarios})
}
