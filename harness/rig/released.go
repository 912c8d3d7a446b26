package rig

import (
	"context"
	"net"
	"time"

	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// releasing bounds the wait for a server to close its end.
const releasing = 100 * time.Millisecond

// AwaitReleased blocks until the server has closed its end of a TCP connection that was
// closed here, for 100 ms at most: what it does for that client is over then.
func AwaitReleased(ctx context.Context, conn sock.Conn) {
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
		if err != nil || far.State != sock.Established && far.State != sock.CloseWait || !sleep.Closely(ctx, pause) {
			return
		}
	}
}
