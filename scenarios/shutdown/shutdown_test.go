package shutdown_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/shutdown"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestShutdown(t *testing.T) { suite.RunTopic(t, shutdown.Declare) }
