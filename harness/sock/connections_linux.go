package sock

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

const (
	timerAt   = 2  // idiag_timer in inet_diag_msg
	expiresAt = 52 // idiag_expires, in ms

	waitTimer  = 3                // TIME_WAIT, FIN_WAIT2 without a process too: inet_csk_diag_fill in net/ipv4/inet_diag.c
	waitPeriod = 60 * time.Second // TCP_TIMEWAIT_LEN in include/net/tcp.h
)

// connections dumps the sockets of connections, family by family.
func (c *client) connections(states uint32, port uint16, far bool) (all []Connection, err error) {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		r := c.request[headerSize:]
		clear(r)
		r[0], r[1] = family, unix.IPPROTO_TCP
		native.PutUint32(r[4:], states)
		at := 8
		if far {
			at = 10
		}
		binary.BigEndian.PutUint16(r[at:], port)
		if err := c.sendRequest(unix.NLM_F_REQUEST | unix.NLM_F_DUMP); err != nil {
			return nil, err
		}
		if err := c.receiveReplies(func(message []byte) { all = append(all, decodeConnection(message)) }); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func decodeConnection(m []byte) Connection {
	c := Connection{Local: decodeAddr(m, 8, 4), Remote: decodeAddr(m, 24, 6), State: State(m[1]), UID: native.Uint32(m[64:]), Inode: native.Uint32(m[68:])}
	if m[timerAt] == waitTimer {
		left := time.Duration(native.Uint32(m[expiresAt:])) * time.Millisecond
		c.Idle = max(0, waitPeriod-left)
	}
	return c
}

// decodeAddr reads an address and its port at their places in an inet_diag_msg.
func decodeAddr(m []byte, at, portAt int) netip.AddrPort {
	size := 16
	if m[0] == unix.AF_INET {
		size = 4
	}
	addr, _ := netip.AddrFromSlice(m[at : at+size])
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(m[portAt:]))
}
