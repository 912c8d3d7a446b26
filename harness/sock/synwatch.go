package sock

import (
	"fmt"
	"net/netip"
	"time"
)

// A ConnectAttempt is one attempt to connect: a SYN that arrived, whatever became of it.
type ConnectAttempt struct {
	At   time.Time      // when the kernel received it
	From netip.AddrPort // address of the client
}

// SYNWatch sees every attempt to connect to an address, those that the kernel
// refuses included, of which nothing else tells: packet(7). Create it with
// [WatchSYN].
type SYNWatch struct{ watcher *synWatcher }

// WatchSYN calls on for each SYN that arrives at a loopback IPv4 address from
// now on, one call at a time: from a goroutine, or from Drain. A SYN that is sent again counts again. The error
// is [ErrUnsupported] for other addresses, and without the right to see packets
// (CAP_NET_RAW). The caller closes the SYNWatch.
func WatchSYN(addr netip.AddrPort, on func(ConnectAttempt)) (*SYNWatch, error) {
	w, err := watchSYNs(netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), on)
	if err != nil {
		return nil, fmt.Errorf("connects to %s: %w", addr, err)
	}
	return &SYNWatch{w}, nil
}

// Drain returns once each SYN that the kernel has received was told. A client learns how its
// connect ended after that, so whoever knows the end of a client knows all of its attempts.
// It must not be called from the function of [WatchSYN].
func (k *SYNWatch) Drain() { k.watcher.drain() }

// Close stops watching and waits for a call that is under way. It may be called
// again.
func (k *SYNWatch) Close() { k.watcher.closeWatch() }
