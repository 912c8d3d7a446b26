package probe

import (
	"io"
	"os/exec"
	"testing"
	"time"
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
			if because, err := s.take(pids); because == "" && err == nil && rest(b.Context(), 100*time.Millisecond) {
				if because, _ := s.take(pids); because == "" {
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
	each(b, func(pids []int) error { _, err := s.take(pids); return err })
}

func BenchmarkExamine(b *testing.B) {
	var s snapshot
	each(b, func(pids []int) error {
		if _, err := s.take(pids); err != nil {
			return err
		}
		t, _, err := s.read()
		if err == nil {
			_, _, err = t.examine(false)
		}
		return err
	})
}

func BenchmarkMeasure(b *testing.B) {
	each(b, func(pids []int) error { _, err := Measure(pids); return err })
}

func BenchmarkTurns(b *testing.B) {
	each(b, func(pids []int) error { _, err := turns(pids); return err })
}
