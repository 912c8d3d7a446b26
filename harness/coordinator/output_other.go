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

// readWaiting does nothing: on this system nobody can tell what waits in a pipe, so that
// the last lines of a spec may be taken for the next one's.
func (o *output) readWaiting() {}
