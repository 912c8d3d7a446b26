package procstat

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// maxStatLength holds 52 fields of at most 20 digits and a name of 64 bytes.
const maxStatLength = 2048

// Read returns what the kernel says of a process. For one that has been waited
// for the error is unix.ENOENT or unix.ESRCH.
func Read(pid int) (Stat, error) {
	return readStat("/proc/" + strconv.Itoa(pid) + "/stat")
}

// ReadThread returns what the kernel says of one thread of a process.
func ReadThread(pid, tid int) (Stat, error) {
	return readStat("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(tid) + "/stat")
}

// readStat reads the file at once: the kernel writes it in one piece, and raw
// calls cost a third of what os.ReadFile does.
func readStat(path string) (Stat, error) {
	fd, err := eintr.Retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return Stat{}, err
	}
	defer unix.Close(fd)
	var buffer [maxStatLength]byte
	n, err := eintr.Retry(func() (int, error) { return unix.Read(fd, buffer[:]) })
	if err != nil {
		return Stat{}, err
	}
	s, complete := Parse(buffer[:n])
	if !complete {
		return Stat{}, unix.ESRCH
	}
	return s, nil
}

// CPUTime returns the processor time, user and system, that all threads of a
// process have had, those that have ended too, exact where Stat.CPU has steps of
// 10 ms. Children do not count. An error says that the process is gone
// (clock_getcpuclockid(3): the clock of a process is its inverted pid and a kind).
func CPUTime(pid int) (time.Duration, error) {
	const sumOfThreads = 2 // CPUCLOCK_SCHED
	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sumOfThreads), &spent); err != nil {
		return 0, err
	}
	return time.Duration(spent.Nano()), nil
}
