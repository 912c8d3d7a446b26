package toxics

import (
	"slices"
	"testing"

	"github.com/sockharness/harness/toxics/hook"
)

func TestEndingsAtByte(t *testing.T) {
	for _, c := range []struct {
		flag string
		end  hook.EndMode
	}{
		{"half_close at.byte=5", hook.HalfClose},
		{"reset at.byte=5", hook.Reset},
		{"vanish at.byte=5", hook.Vanish},
	} {
		t.Run(c.flag, func(t *testing.T) {
			b := benchWith(t, newWire(t), c.flag)
			b.send("hel")
			b.expect("hel")
			b.send("lo world")
			b.expect("lo")
			b.expectClosed()
			b.expectStruck("5: ")
			if !slices.Equal(b.wire.ends, []hook.EndMode{c.end}) {
				t.Errorf("ends %v, want %v", b.wire.ends, c.end)
			}
		})
	}
}

func TestEndingDoesNotWaitForTheByteAfter(t *testing.T) {
	b := benchWith(t, newWire(t), "half_close at.byte=5")
	b.send("hello")
	b.expect("hello")
	b.expectClosed()
	b.expectStruck("5: ")
}

func TestEndingFromTheStart(t *testing.T) {
	for _, flag := range []string{"half_close", "half_close at.byte=0", "half_close at.event=open"} {
		b := benchWith(t, newWire(t), flag)
		b.expectClosed()
		b.expectStruck("0: ")
	}
}

func TestStreamEndsBeforeTheTrigger(t *testing.T) {
	for _, flag := range []string{"half_close at.byte=6", "reset at.pattern=x", "vanish at.segment=2", "stall at.time=1h", "reset at.event=rst"} {
		b := benchWith(t, newWire(t), flag)
		b.send("hello")
		b.expect("hello")
		close(b.input)
		b.expectClosed()
		b.expectStruck()
		if len(b.wire.ends) > 0 {
			t.Errorf("%s: ends %v", flag, b.wire.ends)
		}
	}
}

func TestHalfCloseAfterRead(t *testing.T) {
	b := benchWith(t, newWire(t), "half_close at.byte=5 after_read=true")
	b.send("hello world")
	b.expect("hello")
	b.expectClosed()
	if !slices.Equal(b.wire.boundaries, []int64{5}) {
		t.Errorf("boundaries %v, want 5", b.wire.boundaries)
	}
}
