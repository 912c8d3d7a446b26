package peer

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"
)

var errEndedEarly = errors.New("it ended before it took the UDP port")

// udpPoll is how often the table of ports is read: nothing tells of its changes.
const udpPoll = 5 * time.Millisecond

// awaitUDPSocket blocks until the process has a socket of UDP with the port, 0 for any, and
// returns its address. Where there is no table of ports it returns at once, with the port
// on the loopback address.
func awaitUDPSocket(ctx context.Context, process *Process, port uint16) (netip.AddrPort, error) {
	tick := time.NewTicker(udpPoll)
	defer tick.Stop()
	for {
		all, known := udpSockets()
		if at, found := pickUDPSocket(all, process, port); found || !known {
			return at, nil
		}
		select {
		case <-tick.C:
		case <-process.ExitedChan():
			return netip.AddrPort{}, errEndedEarly
		case <-ctx.Done():
			if port == 0 {
				return netip.AddrPort{}, errors.New("it has opened no UDP port")
			}
			return netip.AddrPort{}, fmt.Errorf("it has not taken the UDP port %d", port)
		}
	}
}

// pickUDPSocket returns the socket with the port; of any port, the first one of the
// process.
func pickUDPSocket(all []udpSocket, process *Process, port uint16) (netip.AddrPort, bool) {
	var held map[uint32]struct{}
	if port == 0 {
		held = process.socketInodes()
	}
	for _, s := range all {
		_, own := held[s.inode]
		if s.local.Port() == port || own && s.local.Port() != 0 {
			return s.reachable(), true
		}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), false
}

// A udpSocket is a line of the table.
type udpSocket struct {
	local netip.AddrPort
	inode uint32
}

// reachable is where a client on this host finds the socket.
func (s udpSocket) reachable() netip.AddrPort {
	if s.local.Addr().IsUnspecified() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), s.local.Port())
	}
	return s.local
}

// udpSockets reads /proc/net/udp, see proc(5): the local address is the second field, and
// the inode is the tenth.
func udpSockets() (all []udpSocket, known bool) {
	for _, file := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		known = true
		for line := range bytes.Lines(table) {
			fields := bytes.Fields(line)
			if len(fields) < 10 {
				continue
			}
			local, ok := parseProcAddress(string(fields[1]))
			inode, err := strconv.ParseUint(string(fields[9]), 10, 32)
			if ok && err == nil {
				all = append(all, udpSocket{local, uint32(inode)})
			}
		}
	}
	return all, known
}

// parseProcAddress reads an address of /proc/net: each four bytes are a number of this
// machine's order, which is little endian where harness runs.
func parseProcAddress(text string) (netip.AddrPort, bool) {
	host, port, found := bytes.Cut([]byte(text), []byte(":"))
	number, err := strconv.ParseUint(string(port), 16, 16)
	raw, failed := hex.DecodeString(string(host))
	if !found || err != nil || failed != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	at, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(at.Unmap(), uint16(number)), ok
}

// freeUDPAddr returns an address of which nobody has the port now.
func freeUDPAddr() (netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("free port: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}
