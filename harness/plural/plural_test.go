package plural_test

import (
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
	}
	if got := plural.Count(uint64(1), "byte"); got != "1 byte" {
		t.Errorf("Count of a uint64: got %q, want 1 byte", got)
	}
}
