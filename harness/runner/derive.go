package runner

import (
	"slices"

	"github.com/sockharness/harness/harness/scenario"
)

// deriveVariants returns the variants of a scenario that can be played, each as it is and
// under each profile. Where a dialogue writes what it has received before, requests
// cannot be sent all at once.
func (r *Runner) deriveVariants(s scenario.Scenario, c scenario.Case) ([]scenario.Variant, error) {
	all, err := s.Variants(c)
	if len(c.Conversation.Data) > 0 {
		all, err = withData(s, c, all, err)
	}
	if c.Conversation.Before != nil {
		all, err = withBefore(s, c, all, err)
	}
	if err != nil {
		return all, err
	}
	if script := c.Conversation.Script; script != nil && script.Captures() {
		inTurn := slices.DeleteFunc(slices.Clone(all), func(v scenario.Variant) bool { return v.Pipelined })
		if len(inTurn) == 0 && len(all) > 0 {
			return nil, c.UnsupportedErrorf("the dialogue writes captured values, so its requests cannot be sent all at once")
		}
		all = inTurn
	}
	return r.underProfiles(c, all), nil
}

// underProfiles adds each variant under each profile.
func (r *Runner) underProfiles(c scenario.Case, plain []scenario.Variant) []scenario.Variant {
	if len(r.config.Profiles) == 0 {
		return plain
	}
	all := slices.Clone(plain)
	for _, name := range r.config.Profiles {
		profile, known := scenario.FindProfile(name)
		if !known {
			continue // reading the flags refuses it
		}
		for _, v := range plain {
			if under, ok := c.UnderProfile(v, profile); ok {
				all = append(all, under)
			}
		}
	}
	return all
}
