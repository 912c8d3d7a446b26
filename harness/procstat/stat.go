// Package procstat reads /proc/PID/stat of Linux, what proc_pid_stat(5) says of
// a process or of one of its threads.
//
//	stat, err := procstat.Read(pid)
//	if err == nil && !stat.Dead() {
//		fmt.Println(stat.Parent, stat.Threads)
//	}
//
// All but [Parse] exists on Linux alone.
package procstat

import (
	"bytes"
	"strconv"
	"time"
)

// clockTick is USER_HZ, which is 100 for all programs on Linux.
const clockTick = 10 * time.Millisecond

// Stat is what the kernel says of a process or a thread.
type Stat struct {
	State         byte          // R runs or waits for a processor, S sleeps, D sleeps and ignores signals, T is stopped, Z and X are dead
	Parent        int           // pid of the parent
	Group         int           // process group
	Session       int           // session
	Threads       int           // number of threads of the process
	CPU           time.Duration // processor time of the process, or of the thread, and of the children that were waited for
	ChildCPU      time.Duration // the part of CPU that the children had
	StartTime     uint64        // clock ticks since boot; tells processes apart that had the same pid
	ResidentPages int64         // pages of memory that are resident
}

// Dead reports whether the process or thread has ended and waits to be reaped.
func (s Stat) Dead() bool { return s.State == 'Z' || s.State == 'X' }

// Places of the fields behind the name of the program.
const (
	stateField = iota
	parentField
	groupField
	sessionField
	firstTimeField = 11 // utime, stime,
	childTimeField = 13 // cutime, cstime
	lastTimeField  = 14
	threadsField   = 17
	startField     = 19
	residentField  = 21
)

// Parse reads the text of a stat file, and returns false if it ends too early.
// The name of the program, the second field, stands in parentheses and may hold
// blanks and parentheses of its own, so the fields count from the last one.
func Parse(text []byte) (Stat, bool) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= residentField {
		return Stat{}, false
	}
	s := Stat{
		State:         fields[stateField][0],
		Parent:        int(parseNumber(fields[parentField])),
		Group:         int(parseNumber(fields[groupField])),
		Session:       int(parseNumber(fields[sessionField])),
		Threads:       int(parseNumber(fields[threadsField])),
		StartTime:     uint64(parseNumber(fields[startField])),
		ResidentPages: parseNumber(fields[residentField]),
	}
	s.ChildCPU = sumTimes(fields[childTimeField : lastTimeField+1])
	s.CPU = sumTimes(fields[firstTimeField:childTimeField]) + s.ChildCPU
	return s, true
}

// ParseState reads the state alone, at a twentieth of the cost; see [Parse].
func ParseState(text []byte) (state byte, ok bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 || end+2 >= len(text) {
		return 0, false
	}
	return text[end+2], true
}

func sumTimes(fields [][]byte) (sum time.Duration) {
	for _, ticks := range fields {
		sum += time.Duration(parseNumber(ticks)) * clockTick
	}
	return sum
}

func parseNumber(field []byte) int64 {
	n, _ := strconv.ParseInt(string(field), 10, 64)
	return n
}
