package runner

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

// listeners returns those of the server's processes that have the socket open that
// listens on its port, and when each began.
func listeners(server *peer.Process) map[int]uint64 {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil
	}
	defer diag.Close()
	all, err := diag.Listeners()
	if err != nil {
		return nil
	}
	found := map[int]uint64{}
	for _, pid := range server.Near() {
		for _, l := range all {
			if l.Addr.Port() != server.Addr().Port() {
				continue
			}
			if _, err := sock.DescriptorOf(pid, l.Inode); err == nil {
				found[pid] = began(pid)
			}
		}
	}
	return found
}

// began returns when the process began, in ticks (proc_pid_stat(5)), and 0 when it has
// ended, waited for or not.
func began(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	const state, start = 0, 19 // behind the name, which may hold anything
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= start || fields[state][0] == 'Z' || fields[state][0] == 'X' {
		return 0
	}
	ticks, err := strconv.ParseUint(string(fields[start]), 10, 64)
	if err != nil {
		return 0
	}
	return ticks
}
