package rig

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

func TestSignalAllBearsAChildThatHasEnded(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	living := exec.Command("sleep", "60")
	if err := living.Start(); err != nil {
		t.Fatal(err)
	}
	defer living.Wait()
	defer living.Process.Kill()
	if err := signalAll([]int{gone.Process.Pid, living.Process.Pid}, syscall.SIGCONT); err != nil {
		t.Errorf("got %v for a child that has ended beside one that lives, want nil", err)
	}
	if err := signalAll([]int{gone.Process.Pid}, syscall.SIGCONT); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("got %v where all have ended, want ESRCH", err)
	}
}

func TestLimitDeniedIsUnsupported(t *testing.T) {
	if err := limitDenied(syscall.EPERM); !errors.Is(err, scenario.ErrUnsupported) {
		t.Errorf("got %v, want it to be unsupported", err)
	}
}
