package refused_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/refused"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestRefused(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "refused", List: refused.Scenarios})
}
