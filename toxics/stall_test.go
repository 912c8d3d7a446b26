package toxics

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStallResumesWithoutLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "stall duration=300 at.byte=4")
		b.send("hello world")
		b.expect("hell")
		synctest.Wait()
		b.expectStruck("4: ")
		start := time.Now()
		b.expect("o world")
		if d := time.Since(start); d != 300*time.Millisecond {
			t.Errorf("resumed after %v, want 300ms", d)
		}
		close(b.input)
		b.expectClosed()
		b.expectStruck("4: ")
	})
}

func TestStallForEverHoldsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "stall")
		close(b.input)
		b.interrupt()
		b.run()
		time.Sleep(time.Hour)
		select {
		case c := <-b.out:
			t.Errorf("got %v of a stalled stream", c)
		default:
		}
		b.expectStruck("0: ")
		b.interrupt()
	})
}

func TestStallDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := benchWith(t, newWire(t), "stall at.byte=5")
		b.send("hello")
		b.expect("hello")
		synctest.Wait()
		select {
		case b.input <- nil:
			t.Error("a stalled toxic reads")
		default:
		}
		b.interrupt()
	})
}
