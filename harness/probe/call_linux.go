package probe

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// A limit says how a system call shows that it waits for a limited time.
type limit uint8

const (
	never   limit = iota // it waits until something happens
	always               // it has an end by its nature
	millis               // an int of milliseconds, negative: none
	pointer              // the address of a time, 0: none
	mutex                // futex(2): a pointer, for the operations that wait
)

// A call is a system call in which a thread can sleep.
type call struct {
	name  string
	limit limit
	arg   int // of the limit
	waits subject
}

// A subject says what a call waits for, where that shows in its arguments.
type subject uint8

const (
	nothing  subject = iota
	input            // on descriptor 0 of the arguments
	output           // on descriptor 0 of the arguments
	readySet         // epoll: of the descriptors of descriptor 0
	pollSet          // poll: the descriptors in an array
	child
	signal
	lock
)

// commonCalls are those that all architectures have.
var commonCalls = map[int]call{
	unix.SYS_READ:            {name: "read", waits: input},
	unix.SYS_READV:           {name: "readv", waits: input},
	unix.SYS_RECVFROM:        {name: "recvfrom", waits: input},
	unix.SYS_RECVMSG:         {name: "recvmsg", waits: input},
	unix.SYS_RECVMMSG:        {name: "recvmmsg", waits: input, limit: pointer, arg: 4},
	unix.SYS_ACCEPT4:         {name: "accept4", waits: input},
	unix.SYS_WRITE:           {name: "write", waits: output},
	unix.SYS_WRITEV:          {name: "writev", waits: output},
	unix.SYS_SENDTO:          {name: "sendto", waits: output},
	unix.SYS_SENDMSG:         {name: "sendmsg", waits: output},
	unix.SYS_SENDMMSG:        {name: "sendmmsg", waits: output},
	unix.SYS_SENDFILE:        {name: "sendfile", waits: output},
	unix.SYS_EPOLL_PWAIT:     {name: "epoll_pwait", waits: readySet, limit: millis, arg: 3},
	unix.SYS_EPOLL_PWAIT2:    {name: "epoll_pwait2", waits: readySet, limit: pointer, arg: 3},
	unix.SYS_PPOLL:           {name: "ppoll", waits: pollSet, limit: pointer, arg: 2},
	unix.SYS_PSELECT6:        {name: "pselect6", limit: pointer, arg: 4},
	unix.SYS_FUTEX:           {name: "futex", waits: lock, limit: mutex, arg: 3},
	unix.SYS_FUTEX_WAITV:     {name: "futex_waitv", waits: lock, limit: pointer, arg: 3},
	sysFutexWait:             {name: "futex_wait", waits: lock, limit: pointer, arg: 4},
	unix.SYS_WAIT4:           {name: "wait4", waits: child},
	unix.SYS_WAITID:          {name: "waitid", waits: child},
	unix.SYS_RT_SIGSUSPEND:   {name: "rt_sigsuspend", waits: signal},
	unix.SYS_RT_SIGTIMEDWAIT: {name: "rt_sigtimedwait", waits: signal, limit: pointer, arg: 2},
	unix.SYS_FLOCK:           {name: "flock", waits: input},
	unix.SYS_FCNTL:           {name: "fcntl", waits: input},
	unix.SYS_MQ_TIMEDRECEIVE: {name: "mq_timedreceive", waits: input, limit: pointer, arg: 4},
	unix.SYS_MQ_TIMEDSEND:    {name: "mq_timedsend", waits: output, limit: pointer, arg: 4},
	unix.SYS_IO_GETEVENTS:    {name: "io_getevents", limit: pointer, arg: 4},
	unix.SYS_NANOSLEEP:       {name: "nanosleep", limit: always},
	unix.SYS_CLOCK_NANOSLEEP: {name: "clock_nanosleep", limit: always},
	unix.SYS_CONNECT:         {name: "connect", limit: always},
	unix.SYS_RESTART_SYSCALL: {name: "restart_syscall", limit: always},
}

const sysFutexWait = 455 // futex_wait(2), the same number everywhere

// futexWaits are the operations of futex(2) whose fourth argument is a timeout:
// WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2.
var futexWaits = map[uint64]bool{0: true, 6: true, 9: true, 11: true, 13: true}

const (
	futexCommand     = 0x7f
	futexWaitPrivate = 128
)

func callOf(number int) (call, bool) {
	if c, ok := ownCalls[number]; ok {
		return c, true
	}
	c, ok := commonCalls[number]
	return c, ok
}

// finiteReason says why the call of a thread may end by itself; "" means that it
// will not.
func (h thread) finiteReason() string {
	c, ok := callOf(h.number)
	if !ok {
		return fmt.Sprintf("is in system call %d, which may return without new data", h.number)
	}
	limited := false
	switch c.limit {
	case always:
		limited = true
	case millis:
		limited = int32(h.args[c.arg]) >= 0
	case pointer:
		limited = h.args[c.arg] != 0
	case mutex:
		if !futexWaits[h.args[1]&futexCommand] {
			return "is in a futex operation that may return without new data"
		}
		limited = h.args[c.arg] != 0 && !h.isSysmon()
	}
	if limited {
		return "sleeps in " + c.name + " for a limited time"
	}
	return ""
}

// isSysmon reports whether the thread is the monitor of a Go program without
// anything to monitor: it sleeps for half of forcegcperiod (runtime/proc.go).
// When a timer is pending, another thread sleeps until then.
func (h thread) isSysmon() bool {
	var wait [16]byte
	return h.args[1] == futexWaitPrivate && h.readMemory(h.args[3], wait[:]) &&
		binary.NativeEndian.Uint64(wait[:]) == 60 && binary.NativeEndian.Uint64(wait[8:]) == 0 &&
		signalsOf(h.pid).goRuntime()
}
