package sock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/plural"
)

// The wire format is that of linux/inet_diag.h: a netlink header, an
// inet_diag_req_v2 and, in the answer, an inet_diag_msg with attributes.
const (
	headerSize   = unix.SizeofNlMsghdr
	requestSize  = headerSize + 56
	messageSize  = 72 // inet_diag_msg
	unixSize     = 16 // unix_diag_msg
	infoAttr     = 2  // INET_DIAG_INFO
	ackedOffset  = 120
	countersSize = 136 // of tcp_info, up to tcpi_bytes_received and with it
)

var native = binary.NativeEndian

// A client is one netlink socket. Only one goroutine may use it at a time.
type client struct {
	fd      int
	seq     uint32
	request [requestSize]byte
	answer  []byte // grows with the requests, see [client.sendRequest]
}

const (
	oneAnswer = 4 << 10  // holds the answer about one socket
	dumpPart  = 32 << 10 // is the most that the kernel writes of a dump at once
)

func openClient() (*client, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", errors.Join(ErrUnsupported, err))
	}
	return &client{fd: fd}, nil
}

func (c *client) closeFD() { _ = unix.Close(c.fd) }

// findSocket asks for exactly one socket.
func (c *client) findSocket(local, remote netip.AddrPort) (Socket, error) {
	if err := c.encodeTuple(local, remote); err != nil {
		return Socket{}, err
	}
	if err := c.sendRequest(unix.NLM_F_REQUEST); err != nil {
		return Socket{}, err
	}
	var found Socket
	err := c.receiveReplies(func(message []byte) {
		// The kernel answers with the listening socket when the connection is gone.
		if binary.BigEndian.Uint16(message[6:]) == remote.Port() {
			found = decodeSocket(message)
		}
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return Socket{}, ErrNotFound
	case err != nil:
		return Socket{}, err
	case found.State == 0 || found.State == Listen:
		return Socket{}, ErrNotFound
	}
	return found, nil
}

// allListeners dumps the sockets in state LISTEN, family by family.
func (c *client) allListeners() ([]Listener, error) {
	var all []Listener
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		clear(c.request[headerSize:])
		c.request[headerSize] = family
		c.request[headerSize+1] = unix.IPPROTO_TCP
		native.PutUint32(c.request[headerSize+4:], 1<<Listen)
		if err := c.sendRequest(unix.NLM_F_REQUEST | unix.NLM_F_DUMP); err != nil {
			return nil, err
		}
		err := c.receiveReplies(func(message []byte) { all = append(all, decodeListener(message)) })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// encodeTuple writes an inet_diag_req_v2 that names one connection.
func (c *client) encodeTuple(local, remote netip.AddrPort) error {
	from, to := local.Addr().Unmap(), remote.Addr().Unmap()
	if !from.IsValid() || from.Is4() != to.Is4() {
		return fmt.Errorf("addresses %v and %v: %w", local, remote, ErrNotFound)
	}
	r := c.request[headerSize:]
	clear(r)
	r[0] = unix.AF_INET6
	r[1] = unix.IPPROTO_TCP
	r[2] = 1 << (infoAttr - 1)
	native.PutUint32(r[4:], ^uint32(0)) // any state
	id := r[8:]
	binary.BigEndian.PutUint16(id[0:], local.Port())
	binary.BigEndian.PutUint16(id[2:], remote.Port())
	if from.Is4() {
		// Finds also the connections of an IPv6 socket to mapped addresses.
		r[0] = unix.AF_INET
		f, t := from.As4(), to.As4()
		copy(id[4:], f[:])
		copy(id[20:], t[:])
	} else {
		f, t := from.As16(), to.As16()
		copy(id[4:], f[:])
		copy(id[20:], t[:])
		native.PutUint32(id[36:], scopeID(from))
	}
	native.PutUint64(id[40:], ^uint64(0)) // no cookie
	return nil
}

// scopeID returns the number of the interface that a link-local address is on.
func scopeID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}

func decodeSocket(m []byte) Socket {
	s := Socket{
		State:  State(m[1]),
		RQueue: native.Uint32(m[56:]),
		WQueue: native.Uint32(m[60:]),
		UID:    native.Uint32(m[64:]),
		Inode:  native.Uint32(m[68:]),
	}
	for kind, value := range Attributes(m[messageSize:]) {
		if kind == infoAttr && len(value) >= countersSize {
			s.BytesAcked = native.Uint64(value[ackedOffset:])
			s.BytesReceived = native.Uint64(value[ackedOffset+8:])
			s.measured = true
		}
	}
	return s
}

func decodeListener(m []byte) Listener {
	addr, _ := netip.AddrFromSlice(m[8:24])
	if m[0] == unix.AF_INET {
		addr, _ = netip.AddrFromSlice(m[8:12])
	}
	return Listener{
		Addr:  netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(m[4:])),
		UID:   native.Uint32(m[64:]),
		Inode: native.Uint32(m[68:]),
		// tcp_diag_get_info in net/ipv4/tcp_diag.c puts the accept queue there.
		Queued:  native.Uint32(m[56:]),
		Backlog: native.Uint32(m[60:]),
	}
}

// leastMessage is how long the messages that answer the last request are at least.
func (c *client) leastMessage() int {
	if c.request[headerSize] == unix.AF_UNIX {
		return unixSize
	}
	return messageSize
}

// sendRequest completes the header and hands the request to the kernel, which has
// answered it, or begun to, when the call returns.
func (c *client) sendRequest(flags uint16) error {
	c.seq++
	native.PutUint32(c.request[0:], requestSize)
	native.PutUint16(c.request[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(c.request[6:], flags)
	native.PutUint32(c.request[8:], c.seq)
	want := oneAnswer
	if flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP {
		want = dumpPart
	}
	if len(c.answer) < want {
		c.answer = make([]byte, want)
	}
	for {
		if _, err := unix.Write(c.fd, c.request[:]); err != unix.EINTR {
			return wrapErrno("sock_diag ask", err)
		}
	}
}

// receiveReplies calls each with every message that answers the last request, and
// skips what is left over from earlier ones.
func (c *client) receiveReplies(each func(message []byte)) error {
	for {
		n, err := unix.Read(c.fd, c.answer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return wrapErrno("sock_diag read", err)
		}
		if done, err := c.parseReplies(c.answer[:n], each); done || err != nil {
			return err
		}
	}
}

// parseReplies goes through the messages of one datagram and reports whether the
// answer is complete.
func (c *client) parseReplies(b []byte, each func(message []byte)) (done bool, err error) {
	for len(b) >= headerSize {
		size := int(native.Uint32(b))
		if size < headerSize || size > len(b) {
			return false, fmt.Errorf("sock_diag read: message of %s in %d", plural.Count(size, "byte"), len(b))
		}
		kind, flags, seq := native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:])
		payload := b[headerSize:size]
		b = b[min((size+3)&^3, len(b)):]
		if seq != c.seq {
			continue
		}
		switch {
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR && len(payload) >= 4:
			return true, wrapErrno("sock_diag answer", unix.Errno(-int32(native.Uint32(payload))))
		case kind == unix.SOCK_DIAG_BY_FAMILY && len(payload) >= c.leastMessage():
			each(payload)
			done = flags&unix.NLM_F_MULTI == 0
		}
	}
	return done, nil
}
