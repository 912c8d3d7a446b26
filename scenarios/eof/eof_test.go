package eof_test

import (
	"testing"

	"github.com/sockharness/harness/harness/suite"
	"github.com/sockharness/harness/scenarios/eof"
)

func TestMain(m *testing.M) { suite.RunTestMain(m) }

func TestEof(t *testing.T) { suite.RunTopic(t, suite.Topic{Name: "eof", List: eof.Scenarios}) }
