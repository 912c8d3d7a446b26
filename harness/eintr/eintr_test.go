package eintr_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/eintr"
)

func TestRetry(t *testing.T) {
	calls := 0
	n, err := eintr.Retry(func() (int, error) {
		if calls++; calls < 3 {
			return -1, syscall.EINTR
		}
		return 7, syscall.EAGAIN
	})
	if n != 7 || !errors.Is(err, syscall.EAGAIN) || calls != 3 {
		t.Errorf("got %d, %v after %d calls; want what the third one returned", n, err, calls)
	}
}
