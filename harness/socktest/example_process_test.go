package socktest_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

// echoServer answers what it gets.
const echoServer = `python3 -c '
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096): self.request.sendall(data)
server = socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Echo)
print("ready", flush=True)
server.serve_forever()
' {port}`

// A server under test, in any language.
func ExampleStart() {
	runExample(func(t testing.TB) {
		server := socktest.Start(t, echoServer, socktest.ReadyLog("^ready$"))
		client := socktest.Dial(t, server.Addr())
		client.Send("PI", "NG")
		client.Want("PING")
		client.Close()

		until(t, func() bool { return server.AliveAsBefore() == nil }) // it has closed what the client has
		fmt.Println(server.Idle(100*time.Millisecond), server.Children(), server.Fds() > 2, server.CPU() < time.Minute, server.Pid() > 1)
		fmt.Printf("%q %q %d\n", server.Stdout(), server.Stderr(), server.ExitCode())
		if err := server.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		code, err := server.Wait(t.Context())
		fmt.Println(code, err, server.Stop())
	})
	// Output:
	// <nil> 0 true true true
	// "ready\n" "" -1
	// 137 <nil> 137
}

// A client under test whose reply is cut: it must not say that all is well.
func ExampleStartClient() {
	const client = `python3 -c '
import socket, sys
reply = socket.create_connection(("127.0.0.1", int(sys.argv[1]))).makefile("rb").read()
sys.exit(0 if reply.endswith(b"\n") else 65)
' {port}`
	runExample(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello\n") })
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.HalfCloseAt(socktest.Downstream, 3).On(1))
		for range 2 {
			process := socktest.StartClient(t, client, px.Addr())
			fmt.Println(process.Wait(t.Context()))
		}
	})
	// Output:
	// 65 <nil>
	// 0 <nil>
}

// Who ended what, when, and how.
func ExampleConn_Ends() {
	runExample(func(t testing.TB) {
		var server *socktest.Server = socktest.NewServer(t, func(c *socktest.Peer) {
			c.Send("hello")
			c.WantEOF()
		})
		px := socktest.NewProxy(t, server.Addr())
		client := socktest.Dial(t, px.Addr())
		client.Want("hello")
		fmt.Println(client.RemoteAddr() == px.Addr(), px.HalfCloseAll(socktest.Upstream))
		client.WantEOF()
		client.Close()
		if err := px.Conn(1).Wait(t.Context()); err != nil {
			t.Error(err)
		}
		var end socktest.End
		for _, end = range px.Conn(1).Ends() {
			fmt.Println(end.Ending, end.Direction, end.At, end.By)
		}
		fmt.Println(end.By == socktest.ByServer || end.By == socktest.ByProxy || end.By == socktest.ByClient)
	})
	// Output:
	// true 1
	// FIN upstream 0 proxy
	// FIN downstream 5 server
	// true
}

// What happened on a connection, one line for each fact.
func ExampleEvent() {
	event := socktest.Event{At: 1500 * time.Microsecond, Kind: "rst", Direction: socktest.Downstream, By: socktest.ByProxy, Offset: 93, Detail: "for people"}
	fmt.Println(strings.TrimSpace(event.String()))
	fmt.Println(event.At, event.Direction, event.By, event.Offset, event.Detail)
	// Output:
	// 1.500 ms  rst downstream at byte 93 by the proxy: for people
	// 1.5ms downstream proxy 93 for people
}

// Endings, directions, sides and options are values.
func ExampleEnding() {
	var (
		direction socktest.Direction = socktest.Upstream
		side      socktest.Side      = socktest.ByServer
		option    socktest.Option    = socktest.Within(time.Minute)
	)
	_ = option
	for _, ending := range []socktest.Ending{socktest.Open, socktest.FIN, socktest.RST, socktest.Timeout, socktest.Refused, socktest.Unreachable, socktest.BrokenPipe} {
		fmt.Print(ending, ", ")
	}
	fmt.Println(direction, side)
	// Output:
	// open, FIN, RST, timeout, refused, unreachable, broken pipe, upstream server
}
