package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// A terminal is where people read: colours, cursor movement and width only
// where somebody looks at a screen.
type terminal struct {
	out    io.Writer
	file   *os.File // out, when it is a file
	tty    bool
	color  bool
	failed error // the first failed write
}

func newTerminal(cmd *cobra.Command, noColor bool) terminal {
	t := terminal{out: cmd.OutOrStdout()}
	if file, ok := t.out.(*os.File); ok {
		t.file = file
		t.tty = term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
	}
	t.color = t.tty && !noColor && os.Getenv("NO_COLOR") == ""
	return t
}

// width returns the columns of the screen, 100 where there is none.
func (t *terminal) width() int {
	if t.tty {
		if columns, _, err := term.GetSize(int(t.file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 100
}

func (t *terminal) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil && t.failed == nil {
		t.failed = err
	}
}

func (t *terminal) err() error {
	if t.failed != nil {
		return broken("%w", t.failed)
	}
	return nil
}

// interrupts returns a context that the first ^C ends, or SIGTERM, or the end of
// the terminal (unless nohup says that this is nothing), and a channel that the
// second one closes.
func interrupts(parent context.Context) (ctx context.Context, hard <-chan struct{}, release func()) {
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
