package peer

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sendsVariable has the launcher set a filter on sends, too.
const sendsVariable = "HARNESS_LAUNCH_SENDS"

// sendCalls are the calls that send on a stream socket. There is no send(2) on the architectures
// that the launcher knows.
func sendCalls() []uint32 {
	return []uint32{unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_WRITE, unix.SYS_WRITEV}
}

// A region is a part of the memory of a process.
type region struct{ at, size uint64 }

// mostRegions bounds how many parts of a message are looked at: IOV_MAX of Linux.
const mostRegions = 1024

// performSend answers a send of which only a part is to be taken. ours is false where the kernel
// is to go on.
func (i *interceptor) performSend(call notification) (sent int, ours bool) {
	regions, ok := i.regionsOf(call)
	if !ok {
		return 0, false
	}
	fd, err := duplicateOf(call)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	to, ok := connectedTo(fd)
	if !ok {
		return 0, false
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, false
	}
	total := 0
	for _, r := range regions {
		total += int(r.size)
	}
	peek := func(n int) []byte {
		part, _ := call.readRegions(regions, min(n, total))
		return part
	}
	take := i.sends(Send{To: to, Bytes: total, Blocks: flags&unix.O_NONBLOCK == 0, Peek: peek})
	if take <= 0 || take >= total {
		return 0, false
	}
	part, ok := call.readRegions(regions, take)
	if !ok {
		return 0, false
	}
	// What has no room now is for the kernel to answer.
	n, err := unix.SendmsgN(fd, part, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	return n, err == nil && n > 0
}

// regionsOf returns where the message of a send lies; false for another call, and for a message
// with an address or with control data.
func (i *interceptor) regionsOf(call notification) ([]region, bool) {
	if i.sends == nil {
		return nil, false
	}
	a := call.arguments
	switch uint32(call.number) {
	case unix.SYS_WRITE:
		return []region{{a[1], a[2]}}, true
	case unix.SYS_SENDTO:
		return []region{{a[1], a[2]}}, a[4] == 0
	case unix.SYS_WRITEV:
		return call.readVectors(a[1], a[2])
	case unix.SYS_SENDMSG:
		head := make([]byte, unix.SizeofMsghdr)
		if !call.readMemory(a[1], head) || binary.NativeEndian.Uint64(head) != 0 || binary.NativeEndian.Uint64(head[40:]) != 0 {
			return nil, false
		}
		return call.readVectors(binary.NativeEndian.Uint64(head[16:]), binary.NativeEndian.Uint64(head[24:]))
	}
	return nil, false
}

// readVectors reads an array of struct iovec.
func (call notification) readVectors(at, n uint64) ([]region, bool) {
	const size = 16
	if n == 0 || n > mostRegions {
		return nil, false
	}
	b := make([]byte, n*size)
	if !call.readMemory(at, b) {
		return nil, false
	}
	all := make([]region, n)
	for i := range all {
		all[i] = region{binary.NativeEndian.Uint64(b[i*size:]), binary.NativeEndian.Uint64(b[i*size+8:])}
	}
	return all, true
}

// readRegions reads the first n bytes of a message.
func (call notification) readRegions(all []region, n int) ([]byte, bool) {
	var out []byte
	for _, r := range all {
		part := make([]byte, min(int(r.size), n-len(out)))
		if len(part) == 0 {
			continue
		}
		if !call.readMemory(r.at, part) {
			return nil, false
		}
		out = append(out, part...)
	}
	return out, len(out) == n
}

// connectedTo returns where a stream socket is connected; false for what is none.
func connectedTo(fd int) (string, bool) {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return "", false
	}
	to, err := unix.Getpeername(fd)
	if err != nil {
		return "", false
	}
	switch to := to.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(to.Addr), uint16(to.Port)).String(), true
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(to.Addr).Unmap(), uint16(to.Port)).String(), true
	case *unix.SockaddrUnix:
		return "unix:" + to.Name, true
	}
	return "", false
}
