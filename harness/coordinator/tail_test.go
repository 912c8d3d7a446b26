package coordinator

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTailKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var kept tail
		var all bytes.Buffer
		for range rapid.IntRange(0, 20).Draw(t, "writes") {
			b := byte(rapid.IntRange('a', 'z').Draw(t, "byte"))
			p := bytes.Repeat([]byte{b}, rapid.IntRange(0, 3*tailLimit).Draw(t, "length"))
			if n, err := kept.Write(p); n != len(p) || err != nil {
				t.Fatalf("got %d, %v, want %d", n, err, len(p))
			}
			all.Write(p)
			if len(kept.bytes) > 2*tailLimit {
				t.Fatalf("got %d bytes in memory, want at most %d", len(kept.bytes), 2*tailLimit)
			}
		}
		if want := all.String()[max(0, all.Len()-tailLimit):]; kept.String() != want {
			t.Fatalf("got %d bytes, want the last %d", len(kept.String()), len(want))
		}
	})
}

func TestLastLinesAreWhole(t *testing.T) {
	var kept tail
	_, _ = kept.Write([]byte(strings.Repeat("a line of text\n", 1000)))
	got := lastLines(&kept)
	if !strings.HasPrefix(got, "a line") || len(got) > messageTail {
		t.Errorf("got %d bytes that begin with %.20q", len(got), got)
	}
}
