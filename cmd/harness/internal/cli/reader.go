package cli

import (
	"context"
	"errors"

	"github.com/sockharness/harness/harness/outcome"
)

// errReaderGone is why a context has ended, see [Terminal.WatchReader].
var errReaderGone = errors.New("standard output has no reader any more (broken pipe), so the command has stopped early; write to a file, or read to the end")

// WatchReader returns a context that ends when nobody reads the terminal's output any
// more: `harness run | head -1` shall not go on for minutes and write to nobody.
// Output to a screen or a file is not watched, nor is any on Windows, where the next
// write tells. The caller must release.
func (t *Terminal) WatchReader(parent context.Context) (ctx context.Context, release func()) {
	if t.file == nil || t.TTY {
		return parent, func() {}
	}
	ctx, cancel := context.WithCancelCause(parent)
	end := awaitReaderGone(t.file, func() { cancel(errReaderGone) })
	return ctx, func() { end(); cancel(nil) }
}

// ReaderError returns why the command ends, if a context has ended since nobody reads its
// output: exit status 3. Otherwise it returns nil.
func ReaderError(ctx context.Context) error {
	if ctx.Err() == nil || !errors.Is(context.Cause(ctx), errReaderGone) {
		return nil
	}
	return ExitError{Code: outcome.ExitHarness, Err: errReaderGone}
}
