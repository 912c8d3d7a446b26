package peer

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const rlimitRTTime = 15 // RLIMIT_RTTIME, on every architecture

// put sets the limit of a process that has just begun, before it forks.
func (m mark) put(pid int) {
	var limit unix.Rlimit
	if unix.Prlimit(pid, rlimitRTTime, nil, &limit) != nil || limit.Max < m.limit {
		return
	}
	limit.Cur = m.limit
	unix.Prlimit(pid, rlimitRTTime, &limit, nil)
}

// on reports whether the process carries the mark.
func (m mark) on(pid int) bool {
	return limitOf(pid) == m.limit || environmentHas(pid, peerVariable, m.id)
}

func environmentHas(pid int, variable, id string) bool {
	block, err := os.ReadFile(procPath(pid, "environ"))
	return err == nil && carries(block, variable, id)
}

// limitOf reads the limit that carries the mark; it outlives the process until
// its parent has seen its end. 0 means that it is not readable, or unlimited.
func limitOf(pid int) uint64 {
	text, err := os.ReadFile(procPath(pid, "limits"))
	if err != nil {
		return 0
	}
	_, line, _ := bytes.Cut(text, []byte("Max realtime timeout"))
	fields := bytes.Fields(line[:min(len(line), 40)])
	if len(fields) == 0 {
		return 0
	}
	limit, _ := strconv.ParseUint(string(fields[0]), 10, 64)
	return limit
}

func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
