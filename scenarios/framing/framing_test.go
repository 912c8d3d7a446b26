package framing_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/framing"
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestFraming(t *testing.T) { suite.RunTopic(t, framing.Declare) }
