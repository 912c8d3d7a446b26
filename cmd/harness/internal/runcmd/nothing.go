package runcmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/suite"
)

// explainNothing says why no scenario of the topics is for one of the targets: most often
// it is the transport.
func explainNothing(topics []suite.Topic, targets []scenario.Target) error {
	var need, have []string
	for _, topic := range topics {
		for _, s := range topic.List() {
			if slices.ContainsFunc(targets, s.Fits) {
				return errors.New("nothing was selected: no scenario matches these targets, labels and expressions")
			}
			need = addTransports(need, s.Transports...)
		}
	}
	for _, t := range targets {
		have = addTransports(have, t.Transport())
	}
	if len(need) == 0 || len(have) == 0 || slices.ContainsFunc(need, func(name string) bool { return slices.Contains(have, name) }) {
		return errors.New("nothing was selected: no scenario is for one of these targets")
	}
	return fmt.Errorf("nothing was selected: these scenarios need a target with the transport %s, and the targets have %s; see --transport",
		strings.Join(need, " or "), strings.Join(have, " and "))
}

func addTransports(names []string, transports ...scenario.Transport) []string {
	for _, t := range transports {
		if !slices.Contains(names, string(t)) {
			names = append(names, string(t))
		}
	}
	return names
}
