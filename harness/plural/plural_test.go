package plural_test

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/plural"
)

func TestCount(t *testing.T) {
	for _, c := range []struct {
		n          int64
		noun, want string
	}{
		{1, "byte", "1 byte"},
		{0, "byte", "0 bytes"},
		{2, "more result", "2 more results"},
		{2, "process", "2 processes"},
		{2, "switch", "2 switches"},
		{2, "query", "2 queries"},
		{2, "reply", "2 replies"},
		{2, "day", "2 days"},
	} {
		if got := plural.Count(c.n, c.noun); got != c.want {
			t.Errorf("Count(%d, %q): got %q, want %q", c.n, c.noun, got, c.want)
		}
		for n := range int64(3) {
			_, noun, _ := strings.Cut(plural.Count(n, c.noun), " ")
			if got := plural.Singular(noun); got != c.noun {
				t.Errorf("Singular(%q): got %q, want %q", noun, got, c.noun)
			}
		}
	}
	if got := plural.Count(uint64(1), "byte"); got != "1 byte" {
		t.Errorf("Count of a uint64: got %q, want 1 byte", got)
	}
}
