package toxics

import (
	"slices"
	"testing"
)

func TestSliceBoundaries(t *testing.T) {
	for _, c := range []struct {
		flag       string
		segments   []string
		boundaries []int64
		struck     []string
	}{
		{"slice size=2", []string{"he", "l", "l", "o ", "wo", "r"}, []int64{2, 4, 6, 8}, []string{"2: "}},
		{"slice sizes=1,4", []string{"h", "el", "lo", " ", "wor"}, []int64{1, 5, 6}, []string{"1: "}},
		{"slice offsets=7,3,100", []string{"hel", "lo w", "or"}, []int64{3, 7}, []string{"3: "}},
		{"slice offsets=9", []string{"hel", "lo wor"}, []int64{9}, nil},
		{"slice offsets=4 at.byte=3", []string{"hel", "l", "o wor"}, []int64{4}, []string{"4: "}},
		{"slice size=2 at.byte=5", []string{"hel", "lo", " w", "or"}, []int64{7, 9}, []string{"7: "}},
	} {
		t.Run(c.flag, func(t *testing.T) {
			b := benchWith(t, newWire(t), c.flag)
			go func() {
				b.send("hel")
				b.send("lo wor")
				close(b.input)
			}()
			for _, s := range c.segments {
				b.expect(s)
			}
			b.expectClosed()
			b.expectStruck(c.struck...)
			if !slices.Equal(b.wire.boundaries, c.boundaries) {
				t.Errorf("boundaries %v, want %v", b.wire.boundaries, c.boundaries)
			}
		})
	}
}
