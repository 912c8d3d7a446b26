package coordinator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"sync"
	"time"
)

const (
	// connected is the answer to CONNECT that clients of net/rpc expect.
	connected = "HTTP/1.0 200 Connected to Go RPC\n\n"
	// courtesy is how long a connection may send nothing when it must send a request.
	courtesy = 5 * time.Second
)

// A server takes the calls of one worker process. Ginkgo's protocol does not say who calls, so
// each worker has a port of its own.
type server struct {
	listener net.Listener
	rpc      *rpc.Server
	running  sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

// listenServer opens a server on a free loopback port. Serve starts it.
func listenServer(ctx context.Context) (*server, error) {
	config := net.ListenConfig{}
	config.SetMultipathTCP(false)
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("coordinator listen: %w", err)
	}
	return &server{listener: listener, rpc: rpc.NewServer(), conns: map[net.Conn]bool{}}, nil
}

func (s *server) listenAddr() string { return s.listener.Addr().String() }

// serveCalls answers calls with the methods of service until drain.
func (s *server) serveCalls(service any) error {
	if err := s.rpc.RegisterName("Server", service); err != nil {
		return fmt.Errorf("coordinator service: %w", err)
	}
	s.running.Go(s.acceptLoop)
	return nil
}

func (s *server) acceptLoop() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.trackConn(conn) {
			s.running.Go(func() { s.serveConn(conn) })
		}
	}
}

func (s *server) trackConn(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *server) serveConn(conn net.Conn) {
	defer s.forgetConn(conn)
	_ = conn.SetReadDeadline(time.Now().Add(courtesy))
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil || request.Method != http.MethodConnect {
		return
	}
	if _, err := io.WriteString(conn, connected); err != nil {
		return
	}
	if s.liftDeadline(conn) {
		s.rpc.ServeConn(buffered{conn, in})
	}
}

// liftDeadline lifts the read deadline, unless drain has set its own.
func (s *server) liftDeadline(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && conn.SetReadDeadline(time.Time{}) == nil
}

func (s *server) forgetConn(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// drainCalls closes the port, and returns when every call of the dead worker is answered. The
// kernel has ended the worker's connections; only one of another process can last until the
// deadline.
func (s *server) drainCalls() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	s.mu.Unlock()
	s.running.Wait()
}

// buffered is a connection whose first bytes have been read ahead.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.in.Read(p) }
