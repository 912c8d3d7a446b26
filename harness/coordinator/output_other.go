//go:build !unix

package coordinator

// readPipe reads until the end.
func (o *output) readPipe() {
	for {
		n, err := o.pipe.Read(o.buffer[:])
		o.mu.Lock()
		o.addLocked(o.buffer[:n])
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// readWaiting does nothing: this system does not tell what waits in a pipe. The last lines of a
// spec may appear in the report of the next one.
func (o *output) readWaiting() {}
