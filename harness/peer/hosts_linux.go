package peer

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hostsPath is the file in which programs look names up before they ask servers (hosts(5)).
const hostsPath = "/etc/hosts"

// hostsVariable has the launcher set a filter on open, too.
const hostsVariable = "HARNESS_LAUNCH_HOSTS"

// A hostsFile is what programs read in place of /etc/hosts.
type hostsFile struct{ memory *os.File }

// newHostsFile returns a file with the content, which lives in memory; nil: programs read
// theirs.
func newHostsFile(content string) (*hostsFile, error) {
	if content == "" {
		return nil, nil
	}
	fd, err := unix.MemfdCreate("hosts", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := &hostsFile{os.NewFile(uintptr(fd), "hosts")}
	if _, err := f.memory.WriteString(content); err != nil {
		f.memory.Close()
		return nil, err
	}
	return f, nil
}

func (f *hostsFile) close() {
	if f != nil {
		f.memory.Close()
	}
}

// addedFile is struct seccomp_notif_addfd: a descriptor for the process, which the call returns.
type addedFile struct {
	id      uint64
	flags   uint32
	source  uint32
	_       uint32 // number; the kernel picks one
	cloexec uint32
}

// openHosts answers a call that opens /etc/hosts, and reports whether it was one.
func (i *interceptor) openHosts(call notification) bool {
	path, flags, opens := openOf(call)
	if !opens || i.hosts == nil || flags&unix.O_ACCMODE != unix.O_RDONLY || !hasString(call, path, hostsPath) {
		return false
	}
	// Another open file, with an offset of its own.
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", i.hosts.memory.Fd()))
	if err != nil {
		return false
	}
	defer file.Close()
	add := addedFile{id: call.id, flags: unix.SECCOMP_ADDFD_FLAG_SEND, source: uint32(file.Fd()), cloexec: uint32(flags & unix.O_CLOEXEC)}
	return i.controlListener(unix.SECCOMP_IOCTL_NOTIF_ADDFD, unsafe.Pointer(&add)) == nil
}

// hasString reports whether a string of the process is the given one.
func hasString(call notification, at uint64, want string) bool {
	b := make([]byte, len(want)+1)
	return call.readMemory(at, b) && string(b) == want+"\x00"
}
