package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// lookAgain is after how many looks a socket that was a stranger's is asked
// about again: it may have been handed over.
const lookAgain = 64

// A listenWatch searches the sockets that listen for those of one process tree.
// No connection is made, so the server does not notice.
type listenWatch struct {
	p       *Process
	diag    *sock.Diag
	port    uint16              // 0: any
	foreign map[uint32]struct{} // inodes of strangers
	looks   int
}

// awaitListening blocks until the process or a descendant listens, and sets
// the address.
func (p *Process) awaitListening(ctx context.Context) error {
	port, err := p.wantedPort()
	if err != nil {
		return err
	}
	diag, err := sock.OpenDiag()
	if errors.Is(err, sock.ErrUnsupported) {
		return p.awaitDial(ctx, err)
	}
	if err != nil {
		return err
	}
	defer diag.Close()
	l := &listenWatch{p: p, diag: diag, port: port, foreign: map[uint32]struct{}{}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		found, err := l.listenAddrs()
		if err != nil {
			return err
		}
		if len(found) > 0 {
			p.addr = reachableAddr(found[0])
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return l.describeMiss(context.Cause(ctx))
		}
	}
}

func (p *Process) wantedPort() (uint16, error) {
	if p.vars.Port == "" || !p.told {
		return 0, nil
	}
	port, err := strconv.ParseUint(p.vars.Port, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("port %q is not a number from 1 to 65535", p.vars.Port)
	}
	return uint16(port), nil
}

// listenAddrs returns the addresses where the tree listens, the best one first.
func (l *listenWatch) listenAddrs() ([]netip.AddrPort, error) {
	all, err := l.diag.AllListeners()
	if err != nil {
		return nil, err
	}
	if l.looks++; l.looks%lookAgain == 0 {
		clear(l.foreign)
	}
	all = slices.DeleteFunc(all, func(s sock.Listener) bool {
		_, foreign := l.foreign[s.Inode]
		return foreign || l.port != 0 && s.Addr.Port() != l.port
	})
	if len(all) == 0 {
		return nil, nil
	}
	held := l.p.socketInodes()
	var found []netip.AddrPort
	for _, s := range all {
		if _, ok := held[s.Inode]; ok {
			found = append(found, netip.AddrPortFrom(s.Addr.Addr().Unmap(), s.Addr.Port()))
		} else {
			l.foreign[s.Inode] = struct{}{}
		}
	}
	slices.SortFunc(found, l.compareAddrs)
	return found, nil
}

// compareAddrs orders: the host that was asked for, IPv4, the lower port.
func (l *listenWatch) compareAddrs(a, b netip.AddrPort) int {
	rank := func(addr netip.AddrPort) int {
		switch {
		case addr.Addr().String() == l.p.vars.Host:
			return 0
		case addr.Addr().Is4():
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Compare(b), cmp.Compare(a.Port(), b.Port()))
}

// describeMiss says what the tree does instead of listening where it should.
func (l *listenWatch) describeMiss(cause error) error {
	if errors.Is(cause, errGone) {
		return cause
	}
	clear(l.foreign)
	port := l.port
	l.port = 0
	found, _ := l.listenAddrs()
	if len(found) == 0 {
		return fmt.Errorf("%w: it listens on no port", cause)
	}
	places := make([]string, len(found))
	for i, addr := range found {
		places[i] = addr.String()
	}
	return fmt.Errorf("%w: it listens on %s, not on port %d", cause, strings.Join(places, ", "), port)
}

// awaitDial is for systems that do not tell who listens: it connects.
func (p *Process) awaitDial(ctx context.Context, why error) error {
	if !p.told || p.vars.Port == "" {
		return fmt.Errorf("the port of a command without {port} cannot be found on this system: %w", why)
	}
	tick := time.NewTicker(20 * pollEvery)
	defer tick.Stop()
	for {
		conn, err := dialContext(ctx, "tcp", p.vars.Addr)
		if err == nil {
			defer conn.Close()
			p.addr = conn.RemoteAddr().(*net.TCPAddr).AddrPort()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

func dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	return d.DialContext(ctx, network, address)
}

// reachableAddr replaces an unspecified address by the loopback of its family. A
// socket on [::] takes IPv4 too, and is reached so where IPv6 is off.
func reachableAddr(addr netip.AddrPort) netip.AddrPort {
	switch {
	case !addr.Addr().IsUnspecified():
		return addr
	case addr.Addr().Is4() || !hasLoopback6():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), addr.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), addr.Port())
}

// hasLoopback6 reports whether ::1 is an address of this machine.
func hasLoopback6() bool {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
