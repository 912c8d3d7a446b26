//go:build !linux

package sock

import "net/netip"

type synWatcher struct{}

func watchKnocks(netip.AddrPort, func(ConnectAttempt)) (*synWatcher, error) {
	return nil, ErrUnsupported
}

func (*synWatcher) closeWatch() {}
