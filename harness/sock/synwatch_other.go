//go:build !linux

package sock

import "net/netip"

type synWatcher struct{}

func watchSYNs(netip.AddrPort, func(ConnectAttempt)) (*synWatcher, error) {
	return nil, ErrUnsupported
}

func (*synWatcher) drain() {}

func (*synWatcher) closeWatch() {}
