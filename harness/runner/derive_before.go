package runner

import (
	"errors"
	"slices"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// beforeConversation is what is said before TLS, with what is known of the whole.
func beforeConversation(whole scenario.Conversation) scenario.Conversation {
	return partOf(whole, *whole.Before)
}

// withBefore adds to what a scenario does to a conversation within TLS the same done to what is
// said before that, as far as it consists of faults that strike there.
func withBefore(s scenario.Scenario, c scenario.Case, all []scenario.Variant, err error) ([]scenario.Variant, error) {
	if err != nil && !errors.Is(err, scenario.ErrUnsupported) {
		return all, err
	}
	before := c
	before.Conversation, before.Limit = beforeConversation(c.Conversation), max(minPartSweep, c.Limit/4)
	variants, failed := s.Variants(before)
	if failed != nil {
		return all, err // the scenario has nothing to do there
	}
	var added []scenario.Variant
	for _, v := range variants {
		if onData(v) && strikesWithin(v.Faults, before.Conversation) {
			v.Before, v.Name = true, nameBefore(v.Name)
			added = append(added, expectingRest(v))
		}
	}
	if len(added) == 0 {
		return all, err
	}
	return append(slices.Clone(all), added...), nil
}

func nameBefore(name string) string {
	if name == "" {
		return "before TLS"
	}
	return "before TLS " + name
}

// strikesWithin reports whether all faults strike before the last byte of their streams: what
// ends there goes on in TLS.
func strikesWithin(faults []spec.Spec, c scenario.Conversation) bool {
	return !slices.ContainsFunc(faults, func(f spec.Spec) bool {
		size := c.StreamOf(f.Direction).ByteCount()
		offsets, splits := f.Attributes["offsets"].([]int64)
		switch {
		case f.At.Byte != nil:
			return *f.At.Byte >= size
		case splits && len(offsets) > 0:
			return slices.Max(offsets) >= size
		}
		return true
	})
}
