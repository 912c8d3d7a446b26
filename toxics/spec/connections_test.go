package spec

import (
	"math"
	"testing"
)

func TestHasConnection(t *testing.T) {
	const end = math.MaxUint64
	for _, c := range []struct {
		connection, through, after, number uint64
		want                               bool
	}{
		{0, 0, 0, 1, true},
		{0, 0, 7, 3, true},
		{2, 0, 0, 1, false},
		{2, 0, 0, 2, true},
		{2, 0, 0, 3, false},
		{2, 0, 3, 2, false},
		{2, 0, 3, 5, true},
		{1, 3, 3, 3, false},
		{1, 3, 3, 4, true},
		{1, 3, 3, 6, true},
		{1, 3, 3, 7, false},
		{4, end, 0, 3, false},
		{4, end, 0, 4, true},
		{4, end, 1, 4, false},
		{4, end, 1, 5, true},
		{4, end, 1000, 2000, true},
	} {
		if got := HasConnection(c.connection, c.through, c.after, c.number); got != c.want {
			t.Errorf("connections %s after %d: number %d: %v", FormatConnections(c.connection, c.through), c.after, c.number, got)
		}
	}
}
