package probe

import "golang.org/x/sys/unix"

// machine is EM_AARCH64 of elf(5).
const machine = 183

// ownCalls are those that some other architectures lack.
var ownCalls = map[int]call{
	unix.SYS_ACCEPT: {name: "accept", waits: input},
}
