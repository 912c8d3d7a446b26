package toxics

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
)

func TestLimitTimePassesUntilThen(t *testing.T) {
	for flag, want := range map[string]hook.EndMode{"limit_time time=5s": hook.CloseBoth, "limit_time time=5s ending=reset": hook.Reset} {
		synctest.Test(t, func(t *testing.T) {
			b := benchWith(t, newWire(t), flag)
			start := time.Now()
			for range 49 {
				time.Sleep(100 * time.Millisecond)
				b.send("data")
				b.expect("data")
			}
			b.send("late") // nobody takes it
			<-b.done
			b.expectClosed()
			if d := time.Since(start); d != 5*time.Second {
				t.Errorf("%s: closed after %v", flag, d)
			}
			if !slices.Equal(b.wire.ends, []hook.EndMode{want}) {
				t.Errorf("%s: ends %v", flag, b.wire.ends)
			}
			b.expectStruck("196: both sides ended after 5s")
		})
	}
}

// An update goes on with the clock that runs, a trigger starts it.
func TestLimitTimeClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "limit_time time=5s")
		time.Sleep(3 * time.Second)
		b.interrupt()
		b.toxic = mustMake(t, "limit_time time=4s").Instance.(*engine.AttachableToxic).Attach(b.wire)
		b.run()
		start := time.Now()
		b.expectClosed()
		if d := time.Since(start); d != time.Second {
			t.Errorf("closed after another %v, want 1s", d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "limit_time time=1s at.pattern=go")
		time.Sleep(time.Hour)
		b.send("x go y")
		start := time.Now()
		b.expect("x go")
		b.expect(" y")
		b.expectClosed()
		if d := time.Since(start); d != time.Second {
			t.Errorf("closed after %v, want 1s", d)
		}
	})
}

func TestLimitTimePassesAnEarlierEnd(t *testing.T) {
	b := benchWith(t, newWire(t), "limit_time time=1h")
	b.send("hello")
	b.expect("hello")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
}

// Without a time it ends the stream right at its trigger: no byte behind it passes.
func TestLimitTimeOfNothingEndsAtTheTrigger(t *testing.T) {
	for range 20 { // a select that has two ways to go takes either
		synctest.Test(t, func(t *testing.T) {
			b := benchWith(t, newWire(t), "limit_time at.byte=2")
			b.send("abcd")
			b.expect("ab")
			b.expectClosed()
			b.expectStruck("2: both sides ended after 0s")
		})
	}
}
