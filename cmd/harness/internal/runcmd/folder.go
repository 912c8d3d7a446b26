package runcmd

import (
	"sync"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

// A runFolder is the temporary folder of a run, see [cli.NewRunDir]. It is made, and its guardian
// started, while the run is planned. The zero value is a folder that was not begun.
type runFolder struct {
	once    sync.Once
	making  sync.WaitGroup
	path    string
	release func() // nil: there is no folder
	err     error
}

// begin makes the folder in the background. The caller must call remove.
func (d *runFolder) begin() {
	d.once.Do(func() {
		d.making.Go(func() { d.path, d.release, d.err = cli.NewRunDir() })
	})
}

// await blocks until the folder is there.
func (d *runFolder) await() (path string, err error) {
	d.begin()
	d.making.Wait()
	return d.path, d.err
}

// remove removes the folder and ends what is left of the run.
func (d *runFolder) remove() {
	d.making.Wait()
	if d.release != nil {
		d.release()
	}
}
