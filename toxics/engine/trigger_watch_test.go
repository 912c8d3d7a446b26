package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics/spec"
)

// TestPatternAgainstIndex compares the automaton with the library's search.
func TestPatternAgainstIndex(t *testing.T) {
	for n := range 1 << 12 {
		text := strings.NewReplacer("0", "a", "1", "b").Replace(fmt.Sprintf("%012b", n))
		for _, pattern := range []string{"a", "ab", "aab", "abab", "aabaa", "bbabb", "abaabab"} {
			c := newTriggerWatch(spec.Trigger{Pattern: []byte(pattern)}, &Flow{})
			want := strings.Index(text, pattern)
			end, found := 0, false
			for i := 0; i < len(text) && !found; i += 3 {
				n, hit := c.FindIn(int64(i), []byte(text[i:i+3]))
				end, found = i+n, hit
			}
			if found != (want >= 0) || found && end != want+len(pattern) {
				t.Fatalf("%q in %q: ends at %d (%v), want %d", pattern, text, end, found, want+len(pattern))
			}
		}
	}
}
