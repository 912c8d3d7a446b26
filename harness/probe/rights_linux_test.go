package probe_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/sock"
)

// TestOtherUser looks at a process of root from a thread that has become
// somebody else.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	r := subject{argv: []string{"PROBE_SUBJECT=plain", os.Args[0]}}.start(t, nap)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pids := r.tree()
	found := make(chan error, 2)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			found <- errno
			found <- errno
			return
		}
		_, err := probe.MeasureUsage(pids)
		found <- err
		_, err = probe.ProveStuck(ctx, func() []int { return pids }, nil)
		found <- err
	}()
	for _, name := range []string{"Measure", "Stuck"} {
		if err := <-found; !errors.Is(err, sock.ErrUnsupported) {
			t.Errorf("got %v of %s, want %v", err, name, sock.ErrUnsupported)
		}
	}
}
