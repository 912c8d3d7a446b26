package reset_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/reset"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestReset(t *testing.T) { suite.RunTopic(t, reset.Declare) }
