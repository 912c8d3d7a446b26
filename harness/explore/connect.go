package explore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A way is how a server is reached: its address as a target has it, and on TLS whom the
// harness trusts.
type way struct {
	address string
	tls     *tls.Config // nil: not on TLS
}

// connect connects, and does the handshake of TLS, within the limit.
func (v way) connect(ctx context.Context, limit time.Duration) (sock.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := v.dial(ctx)
	if err != nil || v.tls == nil {
		return conn, err
	}
	secured := tlsconn.WrapClient(conn, v.tls)
	if err := secured.RunHandshake(ctx); err != nil {
		secured.Close()
		return nil, err
	}
	return secured, nil
}

// queueRetry is how soon a connect to a unix socket whose queue is full is tried again:
// it fails at once, and nothing tells when there is room.
const queueRetry = time.Millisecond

func (v way) dial(ctx context.Context) (sock.Conn, error) {
	network, address, err := sock.ParseAddress(v.address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAlive: -1}
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, network, address)
	for errors.Is(err, syscall.EAGAIN) && ctx.Err() == nil {
		sleep(ctx, queueRetry)
		conn, err = d.DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	if datagrams, ok := conn.(*net.UDPConn); ok {
		return sock.DatagramConn{UDPConn: datagrams}, nil
	}
	stream, ok := conn.(sock.Conn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("address %s: %w", v.address, errors.ErrUnsupported)
	}
	return stream, nil
}
