package peer

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Programs look names up in hosts(5) before they ask the servers that resolv.conf(5) names.
const (
	hostsPath      = "/etc/hosts"
	resolvConfPath = "/etc/resolv.conf"
)

// filesVariable has the launcher set a filter on open, too.
const filesVariable = "HARNESS_LAUNCH_FILES"

// An otherFile is what programs read in place of a file of this machine.
type otherFile struct {
	path   string // of that
	memory *os.File
}

// otherFiles are those of one process.
type otherFiles []otherFile

// addFile adds a file with the content, which lives in memory. Nothing is added where the content
// is empty: programs read theirs.
func (all *otherFiles) addFile(path, content string) error {
	if content == "" {
		return nil
	}
	fd, err := unix.MemfdCreate("other", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := otherFile{path, os.NewFile(uintptr(fd), "other")}
	*all = append(*all, f)
	_, err = f.memory.WriteString(content)
	return err
}

func (all otherFiles) closeAll() {
	for _, f := range all {
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

// openOther answers a call that opens a file of which the process has another one, and reports
// whether it was one.
func (i *interceptor) openOther(call notification) bool {
	path, flags, opens := openOf(call)
	if !opens || flags&unix.O_ACCMODE != unix.O_RDONLY {
		return false
	}
	for _, f := range i.files {
		if hasString(call, path, f.path) {
			return i.giveFile(call, f, flags)
		}
	}
	return false
}

// giveFile has the call return another open file, with an offset of its own.
func (i *interceptor) giveFile(call notification, f otherFile, flags uint64) bool {
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.memory.Fd()))
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
