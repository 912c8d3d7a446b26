package probe

import "golang.org/x/sys/unix"

// machine is EM_AARCH64 of elf(5).
const machine = 183

// ownCalls are those that some other architectures lack.
var ownCalls = map[int]call{
	unix.SYS_ACCEPT:     {name: "accept", waits: input},
	unix.SYS_MSGRCV:     {name: "msgrcv"},
	unix.SYS_MSGSND:     {name: "msgsnd"},
	unix.SYS_SEMOP:      {name: "semop", waits: lock},
	unix.SYS_SEMTIMEDOP: {name: "semtimedop", waits: lock, limit: pointer, arg: 3},
}
