package probe

import "golang.org/x/sys/unix"

// machine is EM_X86_64 of elf(5).
const machine = 62

// ownCalls are those that some other architectures lack.
var ownCalls = map[int]call{
	unix.SYS_ACCEPT:     {name: "accept", waits: input},
	unix.SYS_EPOLL_WAIT: {name: "epoll_wait", waits: readySet, limit: millis, arg: 3},
	unix.SYS_POLL:       {name: "poll", waits: pollSet, limit: millis, arg: 2},
	unix.SYS_SELECT:     {name: "select", limit: pointer, arg: 4},
	unix.SYS_PAUSE:      {name: "pause", waits: signal},
	unix.SYS_MSGRCV:     {name: "msgrcv"},
	unix.SYS_MSGSND:     {name: "msgsnd"},
	unix.SYS_SEMOP:      {name: "semop", waits: lock},
	unix.SYS_SEMTIMEDOP: {name: "semtimedop", waits: lock, limit: pointer, arg: 3},
}
