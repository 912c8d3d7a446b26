package scenario

import (
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A hidden connection is one that an act has put something around.
type hidden struct{ sock.Conn }

// connected returns the two ends of a connection.
func connected(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// greet has the server say hello to the client, and returns the client's state.
func greet(t *testing.T, client, server *tlsconn.Conn) tls.ConnectionState {
	t.Helper()
	wrote := make(chan error, 1)
	go func() {
		_, err := io.WriteString(server, "hello")
		wrote <- err
	}()
	if _, err := io.ReadFull(client, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState()
}

// TestSecureData goes on with the session of the first connection, as many FTP servers want it, and
// not with that of another one.
func TestSecureData(t *testing.T) {
	c, err := Certify(Target{Server: Peer{Dialogue: &Source{SecuresData: true}}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	controlConn, serverConn := connected(t)
	control := tlsconn.WrapClient(controlConn, c.ClientConfig(controlConn))
	if greet(t, control, tlsconn.WrapServer(serverConn, c.Server)).DidResume {
		t.Error("the first connection goes on with a session")
	}
	other, _ := connected(t)
	for _, first := range []sock.Conn{hidden{control}, other} {
		near, far := connected(t)
		client := c.SecureData(0, event.Client, first, near).(*tlsconn.Conn)
		server := c.SecureData(0, event.Server, first, far).(*tlsconn.Conn)
		if got, want := greet(t, client, server).DidResume, first != sock.Conn(other); got != want {
			t.Errorf("beside %v: it goes on with a session: %v, want %v", first.LocalAddr(), got, want)
		}
	}
}

func TestSessionBookForgets(t *testing.T) {
	var b sessionBook
	for i := range knownSessions + 1 {
		b.add(string(rune(i+1)), &tls.Config{})
		b.add(string(rune(i+1)), &tls.Config{})
	}
	if len(b.configs) != knownSessions || b.find(string(rune(1))) != nil || b.find(string(rune(2))) == nil {
		t.Errorf("%d are known", len(b.configs))
	}
}
