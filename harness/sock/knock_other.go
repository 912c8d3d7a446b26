//go:build !linux

package sock

import "net/netip"

type knockWatcher struct{}

func watchKnocks(netip.AddrPort, func(Knock)) (*knockWatcher, error) { return nil, ErrUnsupported }

func (*knockWatcher) close() {}
