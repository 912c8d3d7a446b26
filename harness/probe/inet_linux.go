package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// A connection is a TCP socket as sock_diag(7) describes it.
type connection struct {
	state          sock.State
	probing        bool // its peer's window is closed, and the kernel asks from time to time
	local, remote  netip.AddrPort
	unread, unsent int
	inode          uint32 // 0: no process has it open

	// Known after a dump with details only.
	written, received uint64 // payload bytes that its owner wrote, that came in order (a FIN counts as one)
	waiting           bool   // some of them were not sent yet
}

// deliveredTo reports whether all that c's owner wrote lies with the other end, be
// it acknowledged or not: an acknowledgement may take 40 ms.
func (c connection) deliveredTo(other connection) bool {
	return c.unsent == 0 || !c.waiting && c.written > 0 && other.received >= c.written && c.state != sock.FinWait1
}

// The wire format is that of linux/inet_diag.h. 64-bit values are not needed.
const (
	diagHeader  = unix.SizeofNlMsghdr
	diagRequest = diagHeader + 60
	diagBoth    = 18 // TCPDIAG_GETSOCK, the old request: both families in one walk through the kernel's table
	diagMessage = 72
	probeTimer  = 4 // idiag_timer: zero window probe
	infoAttr    = 2 // INET_DIAG_INFO
)

// A connectionTable is the TCP sockets of this network namespace.
type connectionTable struct {
	open    map[uint32]connection // those that some process has open, by inode
	pending []connection          // those that are not accepted yet: somebody may still open them
}

// addConnection sorts a socket in. One without an inode is pending, or was closed.
func (t *connectionTable) addConnection(c connection) {
	switch {
	case c.inode != 0:
		t.open[c.inode] = c
	case c.state == sock.Established || c.state == sock.CloseWait || c.state == sock.NewSynReceived || c.state == sock.SynReceived:
		t.pending = append(t.pending, c)
	}
}

// readConnections returns the TCP sockets of this network namespace. It asks with a
// dump: some 0.5 ms. With details, it locks each of them for a moment.
func readConnections(details bool) (connectionTable, error) {
	found := connectionTable{open: map[uint32]connection{}}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return found, fmt.Errorf("sock_diag: %w", err)
	}
	defer unix.Close(fd)
	buf := make([]byte, 32<<10)
	if err := dumpSockets(fd, details, buf, &found); err != nil {
		return found, fmt.Errorf("sock_diag: %w", err)
	}
	return found, nil
}

func dumpSockets(fd int, details bool, buf []byte, found *connectionTable) error {
	var r [diagRequest]byte
	native := binary.NativeEndian
	native.PutUint32(r[0:], diagRequest)
	native.PutUint16(r[4:], diagBoth)
	native.PutUint16(r[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	if details {
		r[diagHeader+3] = 1 << (infoAttr - 1)
	}
	native.PutUint32(r[diagHeader+52:], ^uint32(1<<sock.TimeWait))
	if _, err := eintr.Retry(func() (int, error) { return unix.Write(fd, r[:]) }); err != nil {
		return err
	}
	for {
		n, err := eintr.Retry(func() (int, error) { return unix.Read(fd, buf) })
		if err != nil {
			return err
		}
		if done, err := parseDump(buf[:n], found); done || err != nil {
			return err
		}
	}
}

// parseDump goes through one datagram and reports whether it was the last one.
func parseDump(b []byte, found *connectionTable) (done bool, err error) {
	native := binary.NativeEndian
	for len(b) >= diagHeader {
		size, kind := int(native.Uint32(b)), native.Uint16(b[4:])
		if size < diagHeader || size > len(b) {
			return false, fmt.Errorf("message of %s in %d", plural.Count(size, "byte"), len(b))
		}
		payload := b[diagHeader:size]
		b = b[min((size+3)&^3, len(b)):]
		switch {
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR && len(payload) >= 4:
			return true, unix.Errno(-int32(native.Uint32(payload)))
		case kind == diagBoth && len(payload) >= diagMessage:
			found.addConnection(decodeMessage(payload))
		}
	}
	return false, nil
}

func decodeMessage(m []byte) connection {
	native := binary.NativeEndian
	size := 16
	if m[0] == unix.AF_INET {
		size = 4
	}
	addr := func(at int) netip.Addr {
		a, _ := netip.AddrFromSlice(m[at : at+size])
		return a.Unmap()
	}
	c := connection{
		state:   sock.State(m[1]),
		probing: m[2] == probeTimer,
		local:   netip.AddrPortFrom(addr(8), binary.BigEndian.Uint16(m[4:])),
		remote:  netip.AddrPortFrom(addr(24), binary.BigEndian.Uint16(m[6:])),
		unread:  int(native.Uint32(m[56:])),
		unsent:  int(native.Uint32(m[60:])),
		inode:   native.Uint32(m[68:]),
	}
	c.decodeInfo(m[diagMessage:])
	return c
}

// decodeInfo reads a tcp_info among the attributes, where there is one. The
// counters are as old as Linux 4.19.
func (c *connection) decodeInfo(attributes []byte) {
	native := binary.NativeEndian
	var info unix.TCPInfo
	for kind, body := range sock.Attributes(attributes) {
		if kind == infoAttr && len(body) >= int(unsafe.Offsetof(info.Bytes_retrans))+8 {
			c.waiting = native.Uint32(body[unsafe.Offsetof(info.Notsent_bytes):]) > 0
			c.received = native.Uint64(body[unsafe.Offsetof(info.Bytes_received):])
			c.written = native.Uint64(body[unsafe.Offsetof(info.Bytes_sent):]) -
				native.Uint64(body[unsafe.Offsetof(info.Bytes_retrans):])
		}
	}
}
