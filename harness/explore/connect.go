package explore

import (
	"context"
	"net"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A way is how a server is reached: its address as a target has it, and on TLS whom the
// harness trusts.
type way struct {
	address string
	tls     *scenario.Certification // nil: not on TLS
	before  *dialogue.Script        // what is said before TLS; nil: nothing
	follow  bool                    // over UDP the server answers from another port
}

// connect connects, and does the handshake of TLS, within the limit.
func (v way) connect(ctx context.Context, limit time.Duration) (sock.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := v.dial(ctx)
	if err != nil {
		return nil, err
	}
	return v.tls.Secure(ctx, conn, v.before, event.Client)
}

func (v way) dial(ctx context.Context) (sock.Conn, error) {
	if network, address, err := sock.ParseAddress(v.address); err == nil && network == "udp" && v.follow {
		return sock.DialFollowing(ctx, address)
	}
	return sock.Dial(ctx, &net.Dialer{KeepAlive: -1}, v.address)
}
