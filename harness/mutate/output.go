package mutate

import (
	"io"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/peer"
)

// copyInterval is how often what the program wrote is passed on.
const copyInterval = 10 * time.Millisecond

// copyOutputs passes on what the program writes, until the function that it returns is
// called, which passes on the rest.
func copyOutputs(process *peer.Process, stdout, stderr io.Writer, mute bool) (finish func()) {
	if process == nil {
		return func() {}
	}
	if mute {
		stdout = io.Discard
	}
	out, err := &outputCopy{from: process.Stdout(), to: stdout}, &outputCopy{from: process.Stderr(), to: stderr}
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(copyInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				out.copyNew()
				err.copyNew()
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		task.Wait()
		out.copyNew()
		err.copyNew()
	}
}

// An outputCopy passes on what was not passed on before.
type outputCopy struct {
	from *peer.Output
	to   io.Writer
	done int64
}

func (c *outputCopy) copyNew() {
	if c.from.ByteCount() == c.done {
		return
	}
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
