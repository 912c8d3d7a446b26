package explore

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A way is how a server is reached: its address as a target has it, and on TLS whom the
// harness trusts.
type way struct {
	address string
	tls     *tls.Config                 // nil: not on TLS
	before  tlsconn.OpeningConversation // before TLS; nil: nothing is said
	follow  bool                        // over UDP the server answers from another port
}

// connect connects, and does the handshake of TLS, within the limit.
func (v way) connect(ctx context.Context, limit time.Duration) (sock.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := v.dial(ctx)
	if err != nil || v.tls == nil {
		return conn, err
	}
	secured := tlsconn.WrapClient(tlsconn.WithOpening(conn, v.before), v.tls)
	if err := secured.RunHandshake(ctx); err != nil {
		secured.Close()
		return nil, err
	}
	return secured, nil
}

func (v way) dial(ctx context.Context) (sock.Conn, error) {
	if network, address, err := sock.ParseAddress(v.address); err == nil && network == "udp" && v.follow {
		return sock.DialFollowing(ctx, address)
	}
	return sock.Dial(ctx, &net.Dialer{KeepAlive: -1}, v.address)
}
