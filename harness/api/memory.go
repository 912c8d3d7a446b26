package api

import (
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

const (
	trimAfter = 128                    // changes, from which on the memory that they took goes back to the system
	trimDelay = 300 * time.Millisecond // without another one
)

// A memoryTrimmer gives memory back to the system after many changes. Go alone takes
// minutes for it.
type memoryTrimmer struct {
	mu      sync.Mutex // guards what follows
	changes int        // since the last time
	timer   *time.Timer
}

// noteChange says that something has changed, or is gone.
func (t *memoryTrimmer) noteChange() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changes++; t.changes < trimAfter {
		return
	}
	if t.timer == nil {
		t.timer = time.AfterFunc(trimDelay, t.trim)
		return
	}
	t.timer.Reset(trimDelay)
}

func (t *memoryTrimmer) trim() {
	t.mu.Lock()
	t.changes = 0
	t.mu.Unlock()
	debug.FreeOSMemory()
}

// stop keeps it from running once more.
func (t *memoryTrimmer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
}

// tooManyFiles says what limit was reached, and what to do.
func tooManyFiles(at net.Addr, err error) error {
	limit := ""
	if n, known := sock.DescriptorLimit(); known {
		limit = fmt.Sprintf(": this process may have %d (ulimit -n)", n)
	}
	return &failure{Message: fmt.Sprintf("listen %s %s: too many open files%s; a proxy takes 2, a connection 2 more: delete some, or raise the limit and start again",
		at.Network(), at, limit), Status: http.StatusServiceUnavailable}
}
