package sock

import (
	"context"
	"net"
)

// ListenAddress listens for connections at an address as [ParseAddress] reads it, without
// Multipath TCP. The context bounds the look-up of a name only. The caller closes the listener.
func ListenAddress(ctx context.Context, text string) (net.Listener, error) {
	network, at, err := ParseAddress(text)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	return lc.Listen(ctx, network, at)
}
