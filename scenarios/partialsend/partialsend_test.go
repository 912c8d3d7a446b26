package partialsend_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/partialsend"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestPartialsend(t *testing.T) {
	suite.RunTopic(t, suite.Topic{Name: "partialsend", List: partialsend.Scenarios})
}
