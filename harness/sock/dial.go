package sock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

// queueRetry is how soon a connect to a unix socket whose queue is full is tried again:
// it fails at once (EAGAIN), and nothing tells when there is room.
const queueRetry = time.Millisecond

// Dial connects to an address as [ParseAddress] reads it, with the options of d, and never
// by Multipath TCP. It blocks until the connect has succeeded or failed, or the context has
// ended. The caller closes the connection.
func Dial(ctx context.Context, d *net.Dialer, address string) (Conn, error) {
	network, at, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, network, at)
	for errors.Is(err, syscall.EAGAIN) && sleep.For(ctx, queueRetry) {
		conn, err = d.DialContext(ctx, network, at)
	}
	if err != nil {
		return nil, err
	}
	switch conn := conn.(type) {
	case *net.UDPConn:
		return DatagramConn{UDPConn: conn}, nil
	case Conn:
		return conn, nil
	}
	conn.Close()
	return nil, fmt.Errorf("address %s: %w", address, errors.ErrUnsupported)
}
