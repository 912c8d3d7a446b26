package reset_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/reset"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestReset(t *testing.T) { suite.RunTopic(t, suite.Topic{Name: "reset", List: reset.Scenarios}) }
