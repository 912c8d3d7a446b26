package peer

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const rlimitRTTime = 15 // RLIMIT_RTTIME, on every architecture

// tagProcess sets the limit of a process that runs already; what it forks from now on
// inherits it. It reports whether it could.
func (m processTag) tagProcess(pid int) bool {
	var limit unix.Rlimit
	if unix.Prlimit(pid, rlimitRTTime, nil, &limit) != nil || limit.Max < m.limit {
		return false
	}
	limit.Cur = m.limit
	return unix.Prlimit(pid, rlimitRTTime, &limit, nil) == nil
}

// isTagged reports whether the process carries the mark; it is not known when the
// process vanishes meanwhile.
func (m processTag) isTagged(pid int) (carried, known bool) {
	limit, known := limitOf(pid)
	return limit == m.limit || environmentHas(pid, peerVariable, m.id), known
}

func environmentHas(pid int, variable, id string) bool {
	block, err := os.ReadFile(procPath(pid, "environ"))
	return err == nil && envCarries(block, variable, id)
}

// limitOf reads the limit that carries the mark; it outlives the process until
// its parent has seen its end. 0 stands for no limit.
func limitOf(pid int) (limit uint64, known bool) {
	text, err := os.ReadFile(procPath(pid, "limits"))
	_, line, found := bytes.Cut(text, []byte("Max realtime timeout"))
	if err != nil || !found {
		return 0, false
	}
	fields := bytes.Fields(line[:min(len(line), 40)])
	if len(fields) > 0 {
		limit, _ = strconv.ParseUint(string(fields[0]), 10, 64)
	}
	return limit, true
}
