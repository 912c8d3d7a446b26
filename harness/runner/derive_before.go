package runner

import (
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
	before := beforeConversation(c.Conversation)
	var added []scenario.Variant
	for _, v := range partVariants(s, c, before) {
		if strikesWithin(v.Faults, before) {
			v.Before, v.Name = true, nameBefore(v.Name)
			added = append(added, expectingRest(v))
		}
	}
	return addVariants(all, err, added)
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
