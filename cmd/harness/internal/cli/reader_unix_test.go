//go:build unix

package cli

import (
	"context"
	"os"
	"testing"
	"time"
)

// The context ends when the reader of a pipe goes away, says why, and does not end before.
func TestReaderOfAPipeGoesAway(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	terminal := Terminal{Out: write, file: write}
	ctx, release := terminal.WatchReader(t.Context())
	defer release()
	terminal.Printf("one line\n")
	if _, err := read.Read(make([]byte, 100)); err != nil || ctx.Err() != nil || ReaderError(ctx) != nil {
		t.Fatal(err, ctx.Err())
	}
	_ = read.Close()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("the context goes on")
	}
	below, cancel := context.WithCancel(ctx)
	defer cancel()
	if ReaderError(below) == nil {
		t.Errorf("nobody says why: %v", context.Cause(below))
	}
}

// What nobody can leave is not watched, and an interrupt is none of it.
func TestFileHasNoReader(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parent, interrupt := context.WithCancel(t.Context())
	terminal := Terminal{Out: file, file: file}
	ctx, release := terminal.WatchReader(parent)
	defer release()
	if ctx.Err() != nil {
		t.Error("the context has ended")
	}
	if interrupt(); ReaderError(ctx) != nil {
		t.Error("an interrupt is taken for a reader that went away")
	}
}
