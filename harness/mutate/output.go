package mutate

import (
	"context"
	"io"
	"sync"

	"github.com/sockharness/harness/harness/peer"
)

// copyOutputs passes on what the program writes, until the function that it returns is
// called, which passes on the rest. It runs no clock: a process that has one is never proven
// to wait forever.
func copyOutputs(process *peer.Process, stdout, stderr io.Writer, mute bool) (finish func()) {
	if process == nil {
		return func() {}
	}
	if mute {
		stdout = io.Discard
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	both := []*outputCopy{{from: process.Stdout(), to: stdout}, {from: process.Stderr(), to: stderr}}
	for _, c := range both {
		tasks.Go(func() {
			for c.from.AwaitMore(ctx, c.seen) {
				c.copyNew()
			}
		})
	}
	return func() {
		cancel()
		tasks.Wait()
		for _, c := range both {
			c.copyNew()
		}
	}
}

// An outputCopy passes on what was not passed on before.
type outputCopy struct {
	from *peer.Output
	to   io.Writer
	seen int64 // bytes that there were at the last look
	done int64 // bytes that were passed on; less where the output has lost some
}

func (c *outputCopy) copyNew() {
	now := c.from.ByteCount()
	if now == c.seen {
		return
	}
	c.seen = now
	in, err := c.from.OpenReader()
	if err != nil {
		return // the folder for large outputs is gone
	}
	defer in.Close()
	if _, err := io.CopyN(io.Discard, in, c.done); err != nil {
		return
	}
	n, _ := io.Copy(c.to, in) // who does not read it does not want it
	c.done += n
}
