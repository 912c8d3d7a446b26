package scenario

import (
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/spec"
)

// A Profile is harmless faults under which any variant must have the same result: they
// change when bytes arrive and how many at once, and nothing else.
type Profile struct {
	Name    string      // its name for --profile
	Summary string      // one line: what it does to a connection
	faults  []spec.Spec // of each direction
}

// Profiles lists them.
func Profiles() []Profile {
	return []Profile{
		{"drip", "few bytes at once: segments of 1, 2, 3, 5, 8, 13, 1460 and 65536 bytes, each sent when the one before was read",
			[]spec.Spec{{Type: "slice", Attributes: map[string]any{"sizes": []any{1, 2, 3, 5, 8, 13, 1460, 65536}}}}},
		{"coalesce", "many bytes at once: what arrives within 5 ms is sent in one piece",
			[]spec.Spec{{Type: "coalesce", Attributes: map[string]any{"wait": 5}}}},
		{"latency", "10 ms later, with a jitter of 5 ms",
			[]spec.Spec{{Type: "latency", Attributes: map[string]any{"latency": 10, "jitter": 5}}}},
		{"slow-reader", "the receiver takes 2 MB a second",
			[]spec.Spec{{Type: "bandwidth", Attributes: map[string]any{"rate": 2000}}}},
		{"tiny-window", "receive buffers of 4 KiB, which the kernel doubles",
			[]spec.Spec{{Type: "small_window"}}},
	}
}

// ProfileNames returns their names.
func ProfileNames() []string {
	var names []string
	for _, p := range Profiles() {
		names = append(names, p.Name)
	}
	return names
}

// FindProfile returns the profile of the given name.
func FindProfile(name string) (Profile, bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}

// profileTime is what one message may take longer under a profile.
const profileTime = 60 * time.Millisecond

// UnderProfile returns the variant under the profile, with the time that it may take
// longer. ok is false where nothing of the variant goes through the proxy.
func (c Case) UnderProfile(v Variant, p Profile) (under Variant, ok bool) {
	if v.Listen {
		return v, false
	}
	under = v
	under.Name = strings.TrimSpace(v.Name + " profile=" + p.Name)
	under.Profile = nil
	for _, direction := range []event.Direction{event.Upstream, event.Downstream} {
		for _, f := range p.faults {
			if slices.ContainsFunc(v.Faults, func(one spec.Spec) bool { return one.Type == f.Type && one.Direction == direction }) {
				continue
			}
			f.Direction, f.Name = direction, "profile_"+p.Name+"_"+direction.String()
			under.Profile = append(under.Profile, f)
		}
	}
	messages := len(c.Conversation.Upstream.MessageEnds) + len(c.Conversation.Downstream.MessageEnds)
	bytes := c.Conversation.Upstream.ByteCount() + c.Conversation.Downstream.ByteCount()
	under.Budget += 2*time.Second + time.Duration(messages)*profileTime + time.Duration(bytes)*time.Microsecond
	return under, len(under.Profile) > 0
}
