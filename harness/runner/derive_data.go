package runner

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/scenario"
)

// dataConversation is what is said on the n-th data connection, from 1, of a conversation,
// with what is known of the whole.
func dataConversation(whole scenario.Conversation, n int) scenario.Conversation {
	return partOf(whole, whole.Data[n-1])
}

// partOf is a part of a conversation with what is known of the whole.
func partOf(whole, part scenario.Conversation) scenario.Conversation {
	part.ControlRun, part.State = whole.ControlRun, whole.State
	return part
}

// minPartSweep is the least number of variants on one part of a conversation, each of which
// costs a whole one.
const minPartSweep = 4

// withData adds to what a scenario does to the first connection the same done to each data
// connection, as far as it consists of faults.
func withData(s scenario.Scenario, c scenario.Case, all []scenario.Variant, err error) ([]scenario.Variant, error) {
	var added []scenario.Variant
	for n := range c.Conversation.Data {
		for _, v := range partVariants(s, c, dataConversation(c.Conversation, n+1)) {
			added = append(added, forData(v, n+1, len(c.Conversation.Data)))
		}
	}
	return addVariants(all, err, added)
}

// partVariants returns the variants of a scenario on a part of the conversation that consist of
// faults; none where the scenario has nothing to do there.
func partVariants(s scenario.Scenario, c scenario.Case, part scenario.Conversation) (found []scenario.Variant) {
	c.Conversation, c.Limit = part, max(minPartSweep, c.Limit/4)
	all, err := s.Variants(c)
	if err != nil {
		return nil
	}
	for _, v := range all {
		if onData(v) {
			found = append(found, v)
		}
	}
	return found
}

// addVariants adds variants on a part of the conversation to what a scenario does to the whole, if
// that is not wrong. It may be that nothing can be done to the whole.
func addVariants(all []scenario.Variant, err error, added []scenario.Variant) ([]scenario.Variant, error) {
	if len(added) == 0 || err != nil && !errors.Is(err, scenario.ErrUnsupported) {
		return all, err
	}
	return append(slices.Clone(all), added...), nil
}

// onData reports whether a variant can be played on a data connection: it consists of faults
// on its bytes.
func onData(v scenario.Variant) bool {
	return len(v.Faults) > 0 && v.Run == nil && v.Script == nil && v.Control == nil && v.Connect == nil && v.Names == nil && !v.Listen && !v.Pipelined && !v.NoEnd && v.AcceptMode == scenario.Accepting
}

// forData returns the variant on the n-th of all data connections.
func forData(v scenario.Variant, n, all int) scenario.Variant {
	name := "data"
	if all > 1 {
		name = fmt.Sprintf("data %d", n)
	}
	if v.Name != "" {
		name += " " + v.Name
	}
	v.Name, v.Data = name, n
	return expectingRest(v)
}

// expectingRest returns a variant on a part of a conversation that expects the rest of it too,
// where it expects the part to be whole.
func expectingRest(v scenario.Variant) scenario.Variant {
	if slices.ContainsFunc(v.Expect, func(e scenario.Expectation) bool { return e.Name == scenario.ExpectCompletion().Name }) {
		v.Expect = append(slices.Clone(v.Expect), scenario.ExpectWhole())
	}
	return v
}
