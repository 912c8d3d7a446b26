// Package lifetime is the life of what is started once and closed once, by whom
// and in which order ever.
//
//	life := lifetime.New()
//	if !life.Begin() {
//		return errors.New("started or closed before")
//	}
//	life.Run()           // what Close must end is there; or Abandon, when the start has failed
//	life.Close(closeAll) // any number of times: all return when closeAll has
package lifetime

import "sync"

// A Lifetime is that of one thing. Create it with [New]; it is safe for concurrent use.
type Lifetime struct {
	begun   sync.Once
	ended   sync.Once
	running chan struct{} // closed by Run
	closed  chan struct{} // closed when all is over
}

// New returns the lifetime of what has not begun.
func New() *Lifetime {
	return &Lifetime{running: make(chan struct{}), closed: make(chan struct{})}
}

// Begin reports whether it is the first call, and none of Close was before. Run or Abandon
// must follow then.
func (l *Lifetime) Begin() (first bool) {
	l.begun.Do(func() { first = true })
	return first
}

// Run says that the thing runs.
func (l *Lifetime) Run() { close(l.running) }

// Abandon says that the thing has never run and will not.
func (l *Lifetime) Abandon() { l.ended.Do(func() { close(l.closed) }) }

// IsRunning reports whether the thing runs, or has run.
func (l *Lifetime) IsRunning() bool {
	select {
	case <-l.running:
		return true
	default:
		return false
	}
}

// Close ends what runs by calling end, once. It waits for a start under way, and blocks
// until end has returned, whichever call of Close has called it.
func (l *Lifetime) Close(end func()) {
	if l.Begin() {
		l.Abandon()
	}
	select {
	case <-l.running:
		l.ended.Do(func() {
			defer close(l.closed)
			end()
		})
	case <-l.closed:
	}
	<-l.closed
}

// WaitClosed blocks until all is over.
func (l *Lifetime) WaitClosed() { <-l.closed }
