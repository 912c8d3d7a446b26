package coordinator

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
)

// A startMark is where a worker notes which unit it begins. The coordinator reads it when the
// worker has died. It is a file without a name, which costs less than a message for each unit.
type startMark struct{ file *os.File }

// newStartMark returns a mark. The file is gone when both processes have ended. It returns nil
// where a process cannot be started with an open file that has no name.
func newStartMark() *startMark {
	if !givesFiles {
		return nil
	}
	file, err := os.CreateTemp("", "harness-worker-")
	if err != nil {
		return nil
	}
	m := &startMark{file}
	if os.Remove(file.Name()) != nil || m.set(-1) != nil {
		m.close()
		return nil
	}
	return m
}

// giveTo gives the file to a process that is to be started, and returns its descriptor there.
func (m *startMark) giveTo(cmd *exec.Cmd) int {
	cmd.ExtraFiles = append(cmd.ExtraFiles, m.file)
	const first = 3
	return first + len(cmd.ExtraFiles) - 1
}

// markIn returns the mark of the descriptor that this process was given; nil for 0. The programs
// that this process starts do not inherit it.
func markIn(descriptor int) *startMark {
	if descriptor == 0 {
		return nil
	}
	closeOnExec(descriptor)
	return &startMark{os.NewFile(uintptr(descriptor), "start mark")}
}

// set notes the unit. On a nil mark it does nothing.
func (m *startMark) set(unit int) error {
	if m == nil {
		return nil
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(unit))
	if _, err := m.file.WriteAt(b[:], 0); err != nil {
		return fmt.Errorf("coordinator mark: %w", err)
	}
	return nil
}

// get returns the unit that was noted last; -1: no unit was.
func (m *startMark) get() int {
	var b [8]byte
	if m == nil {
		return -1
	}
	if _, err := m.file.ReadAt(b[:], 0); err != nil {
		return -1
	}
	return int(int64(binary.LittleEndian.Uint64(b[:])))
}

func (m *startMark) close() {
	if m != nil {
		_ = m.file.Close()
	}
}
