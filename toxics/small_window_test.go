package toxics

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/toxics/hook"
)

func TestSmallWindowSetsTheSocket(t *testing.T) {
	toxic := mustMake(t, "small_window receive_buffer=2KiB segment_size=536")
	if toxic.Window != (hook.SocketLimits{ReceiveBuffer: 2048, SegmentSize: 536}) {
		t.Errorf("window %+v", toxic.Window)
	}
	b := benchFor(t, newWire(t), toxic.Instance)
	b.send("hello")
	b.expect("hello")
	b.expectStruck("0: receive buffer 2048 bytes, segments of 536")
	close(b.input)
	b.expectClosed()
}

func TestSmallWindowHoldsUntilTheSenderIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		stuck := make(chan struct{})
		w.blocked = func(ctx context.Context) (int64, error) {
			select {
			case <-stuck:
				return 12345, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		b := benchWith(t, w, "small_window hold=true")
		b.interrupt()
		b.run()
		synctest.Wait()
		select {
		case b.input <- nil:
			t.Fatal("it reads while it holds")
		default:
		}
		close(stuck)
		b.send("hello")
		b.expect("hello")
		b.expectStruck("0: the sender is stuck, the kernels hold 12345 bytes")
		close(b.input)
		b.expectClosed()
	})
}

func TestSmallWindowHoldIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.blocked = func(ctx context.Context) (int64, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		start := time.Now()
		b := benchWith(t, w, "small_window hold=true wait=500")
		time.Sleep(300 * time.Millisecond)
		b.interrupt()
		b.run()
		b.send("hello")
		b.expect("hello")
		if d := time.Since(start); d != 500*time.Millisecond {
			t.Errorf("held for %v, want 500ms", d)
		}
		b.expectStruck()
		close(b.input)
		b.expectClosed()
	})
}
