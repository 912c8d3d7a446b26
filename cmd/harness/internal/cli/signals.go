package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// NotifyInterrupts returns a context that the first ^C ends, or SIGTERM, or the end of
// the terminal (unless nohup says that this is nothing), and a channel that the
// second one closes.
func NotifyInterrupts(parent context.Context) (ctx context.Context, hard <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	second, over, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for _, act := range []func(){cancel, func() { close(second) }} {
			select {
			case <-signals:
				act()
			case <-over:
				return
			}
		}
	}()
	return ctx, second, func() { signal.Stop(signals); close(over); <-done; cancel() }
}
