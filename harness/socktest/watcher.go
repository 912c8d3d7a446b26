package socktest

import (
	"os/exec"
	"strconv"
)

// A watcher is a shell that outlives the test's process for a moment: when that dies without
// its cleanups, as by the timeout of go test, it kills the process group of a program.
type watcher struct{ cmd *exec.Cmd } // nil: there is none

// watchScript waits for the end of its stdin, which is ours. No "--" comes before the group: dash has none.
const watchScript = `trap "" INT TERM HUP QUIT; read _; kill -9 "-$1"`

// watchGroup starts the watcher of a process group. Where there is no shell there is none.
func watchGroup(pid int) watcher {
	cmd := exec.Command("sh", "-c", watchScript, "socktest", strconv.Itoa(pid))
	if _, err := cmd.StdinPipe(); err != nil {
		return watcher{}
	}
	if cmd.Start() != nil {
		return watcher{}
	}
	return watcher{cmd}
}

// stop ends the watcher, and waits for it.
func (w watcher) stop() {
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}
