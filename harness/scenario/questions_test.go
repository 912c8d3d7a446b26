package scenario

import (
	"strings"
	"testing"
	"time"
)

// A look-up of several questions that is repeated with a pause is fine; one that is repeated without a
// pause is told, however long it goes on.
func TestQuestionsTooMany(t *testing.T) {
	for name, c := range map[string]struct {
		lookups int
		pause   time.Duration
		want    bool
	}{
		"none":                          {0, 0, false},
		"one":                           {1, 0, false},
		"every 100 ms for a minute":     {600, 100 * time.Millisecond, false},
		"without a pause":               {100, time.Millisecond, true},
		"without a pause, then no more": {26, 0, true},
		"five attempts without a pause": {5, 0, false},
		"1000 attempts, 50 ms apart":    {1000, 50 * time.Millisecond, false},
		"1000 attempts, 10 ms apart":    {1000, 10 * time.Millisecond, true},
	} {
		var q Questions
		for i := range c.lookups {
			for range 8 { // what one look-up takes at most
				q = append(q, time.Duration(i)*c.pause)
			}
		}
		err := q.TooMany()
		if (err != nil) != c.want {
			t.Errorf("%s: %v, want a storm: %v", name, err, c.want)
		}
		o := Observation{Client: &Run{TimedOut: true, Storms: err != nil}, Questions: q}
		if o.Stormed() != c.want || strings.Contains(endsByItself(o).Error(), "questions") != c.want {
			t.Errorf("%s: stormed is %v, judged as %v", name, o.Stormed(), endsByItself(o))
		}
	}
}
