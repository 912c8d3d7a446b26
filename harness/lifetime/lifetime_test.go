package lifetime_test

import (
	"sync"
	"testing"

	"github.com/sockharness/harness/harness/lifetime"
)

func TestCloseEndsWhatRunsOnce(t *testing.T) {
	life := lifetime.New()
	if !life.Begin() || life.Begin() {
		t.Error("it begins once")
	}
	if life.IsRunning() {
		t.Error("it runs before Run")
	}
	ends := 0
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { life.Close(func() { ends++ }) })
	}
	life.Run()
	all.Wait()
	life.WaitClosed()
	if ends != 1 {
		t.Errorf("ended %d times", ends)
	}
}

func TestWhatNeverRanIsClosed(t *testing.T) {
	for name, close := range map[string]func(l *lifetime.Lifetime){
		"closed before": func(*lifetime.Lifetime) {},
		"start failed":  func(l *lifetime.Lifetime) { l.Begin(); l.Abandon() },
	} {
		life := lifetime.New()
		close(life)
		life.Close(func() { t.Errorf("%s: there was nothing to end", name) })
		if life.WaitClosed(); life.Begin() {
			t.Errorf("%s: it begins after its end", name)
		}
	}
}
