package rig

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/scenario"
)

func TestFirstBeyond(t *testing.T) {
	for _, tt := range []struct {
		taken []int
		room  int
		want  uint64
	}{{nil, 0, 0}, {nil, 3, 3}, {[]int{0, 1, 2}, 0, 0}, {[]int{0, 1, 2}, 1, 4}, {[]int{0, 2, 4}, 2, 4}, {[]int{9}, 2, 2}} {
		if got := firstBeyond(tt.taken, tt.room); got != tt.want {
			t.Errorf("%v with room for %d: got %d, want %d", tt.taken, tt.room, got, tt.want)
		}
	}
}

func TestLimitDenied(t *testing.T) {
	if err := limitDenied(unix.EPERM); !errors.Is(err, scenario.ErrUnsupported) || !errors.Is(err, unix.EPERM) {
		t.Errorf("got %v", err)
	}
	if err := limitDenied(io.EOF); err != io.EOF {
		t.Errorf("another error: got %v", err)
	}
}

// A process with room for none has exhausted its descriptors, until the limit is restored.
func TestLimitDescriptors(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = in.Close(), cmd.Wait() }()
	// Once it answers it has opened what it needs.
	if _, err := io.WriteString(in, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	open, err := openDescriptors(pid)
	if err != nil || !slices.Contains(open, 1) {
		t.Fatalf("descriptors of the process: %v, %v", open, err)
	}
	for room, want := range map[int]bool{0: true, 1: false} {
		restore, err := limitDescriptors(pid, room)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := descriptorsExhausted(pid); got != want || err != nil {
			t.Errorf("room for %d: exhausted %v, %v, want %v", room, got, err, want)
		}
		if err := restore(); err != nil {
			t.Error(err)
		}
		if got, err := descriptorsExhausted(pid); got || err != nil {
			t.Errorf("restored: exhausted %v, %v", got, err)
		}
	}
}

func TestDescriptorsOfNoProcess(t *testing.T) {
	const none = 1 << 30
	if _, err := limitDescriptors(none, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("limit: got %v", err)
	}
	if _, err := descriptorsExhausted(none); !errors.Is(err, unix.ESRCH) {
		t.Errorf("exhausted: got %v", err)
	}
}
