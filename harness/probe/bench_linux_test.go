package probe

import (
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// sleepers are a process with one thread and, where it is installed, Node with
// some seven, when they have come to rest.
func sleepers(b *testing.B) map[string][]int {
	found := map[string][]int{}
	for name, argv := range map[string][]string{"cat": {"cat"}, "node": {"node", "-e", "process.stdin.resume()"}} {
		cmd := exec.Command(argv[0], argv[1:]...)
		in, err := cmd.StdinPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Logf("%s is not installed: %v", name, err)
			continue
		}
		b.Cleanup(func() { in.Close(); cmd.Wait() })
		io.WriteString(in, "")
		pids := []int{cmd.Process.Pid}
		var s snapshot
		for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
			if reason, err := s.takeSnapshot(pids); reason == "" && err == nil && sleep.For(b.Context(), 100*time.Millisecond) {
				if reason, _ := s.takeSnapshot(pids); reason == "" {
					break
				}
			}
		}
		found[name] = pids
	}
	return found
}

func each(b *testing.B, act func(pids []int) error) {
	for name, pids := range sleepers(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := act(pids); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	var s snapshot
	each(b, func(pids []int) error { _, err := s.takeSnapshot(pids); return err })
}

func BenchmarkExamine(b *testing.B) {
	var s snapshot
	each(b, func(pids []int) error {
		if _, err := s.takeSnapshot(pids); err != nil {
			return err
		}
		t, _, err := s.readTree()
		if err == nil {
			_, _, err = t.examineTree(false)
		}
		return err
	})
}

func BenchmarkMeasure(b *testing.B) {
	each(b, func(pids []int) error { _, err := MeasureUsage(pids); return err })
}

func BenchmarkTurns(b *testing.B) {
	each(b, func(pids []int) error { _, err := readSchedStats(pids); return err })
}
