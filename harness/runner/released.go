package runner

import (
	"context"
	"net"
	"time"

	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// releasing bounds the wait for a server to close its end.
const releasing = 100 * time.Millisecond

// awaitReleased waits, for a time, until the server has closed its end of a connection
// that was closed here: what it does for that client is over then.
func awaitReleased(ctx context.Context, conn sock.Conn) {
	if _, tcp := conn.RemoteAddr().(*net.TCPAddr); !tcp {
		return // a socket that is closed has no other end any more
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		return
	}
	defer diag.Close()
	ctx, cancel := context.WithTimeout(ctx, releasing)
	defer cancel()
	for pause := 100 * time.Microsecond; ; pause *= 2 {
		far, err := diag.FarEnd(conn)
		if err != nil || far.State != sock.Established && far.State != sock.CloseWait || !sleep.For(ctx, pause) {
			return
		}
	}
}
