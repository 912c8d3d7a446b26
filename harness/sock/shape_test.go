package sock_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

var tiny = hook.SocketLimits{ReceiveBuffer: 1, SegmentSize: 88}

// shapedPair returns a connection whose client takes in little.
func shapedPair(t testing.TB) (client, server *net.TCPConn) {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	return dialShaped(t, l, tiny)
}

// dialTiny connects with the least window.
func dialTiny(t testing.TB, addr string) *net.TCPConn { return dialWindow(t, addr, tiny) }

func dialWindow(t testing.TB, addr string, w hook.SocketLimits) *net.TCPConn {
	t.Helper()
	dialer := net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		return sock.LimitWindow(network, address, c, w)
	}}
	dialer.SetMultipathTCP(false)
	c, err := dialer.DialContext(bounded(t), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func dialShaped(t testing.TB, l net.Listener, w hook.SocketLimits) (client, server *net.TCPConn) {
	t.Helper()
	client = dialWindow(t, l.Addr().String(), w)
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return client, s.(*net.TCPConn)
}

// fill writes until nothing moves any more and returns how much went in.
func fill(t testing.TB, c net.Conn) (total int) {
	t.Helper()
	chunk := make([]byte, 64<<10)
	defer c.SetWriteDeadline(time.Time{})
	for {
		c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := c.Write(chunk)
		total += n
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			return total
		}
	}
}

// segmentLimit is above what was measured: the kernel's memory of a sender's
// small segments differs between network namespaces by a factor of eight.
var segmentLimit = map[int]int{88: 200_000, 536: 300_000, 1460: 300_000}

func TestShapeMakesAWindowTiny(t *testing.T) {
	linuxOnly(t)
	_, server := dialShaped(t, listen(t, "127.0.0.1:0"), hook.SocketLimits{})
	unshaped := fill(t, server)
	for segment := range segmentLimit {
		w := hook.SocketLimits{ReceiveBuffer: 1, SegmentSize: segment}
		_, server := dialShaped(t, listen(t, "127.0.0.1:0"), w)
		dialled := fill(t, server)

		p, err := sock.BindPort("127.0.0.1:0", w)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		l, err := p.StartListening()
		if err != nil {
			t.Fatal(err)
		}
		client, _ := dialShaped(t, l, hook.SocketLimits{})
		accepted := fill(t, client)
		t.Logf("segment %d: %d bytes to who dialled, %d to who accepted, %d with no window set", segment, dialled, accepted, unshaped)
		if limit := segmentLimit[segment]; max(dialled, accepted) >= limit || unshaped < 1_000_000 {
			t.Errorf("segment %d: got %d and %d bytes, want less than %d (%d unshaped)", segment, dialled, accepted, limit, unshaped)
		}
		if info, err := sock.TCPInfo(client); err != nil || int(info.SegmentSize) > segment {
			t.Errorf("got %+v, %v, want segments of at most %d", info, err, segment)
		}
	}
}

func TestShapeLeavesOthersAlone(t *testing.T) {
	for name, w := range map[string]hook.SocketLimits{"unix": tiny, "tcp": {}} {
		if err := sock.LimitWindow(name, "x", nil, w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestShapeOfAnImpossibleSegment(t *testing.T) {
	linuxOnly(t)
	if p, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{SegmentSize: 1}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("got %v, %v, want invalid argument", p, err)
	}
}

// A port that listens takes another window, and back: the segment size is what
// the client is told, the buffer what the accepted socket has.
func TestPortIsShapedWhileItListens(t *testing.T) {
	linuxOnly(t)
	p := bindPort(t, "127.0.0.1:0")
	l, err := p.StartListening()
	if err != nil {
		t.Fatal(err)
	}
	reading := func() (segment uint32, buffer int, locked bool) {
		client, server := dialShaped(t, l, hook.SocketLimits{})
		info, err := sock.TCPInfo(client)
		if err != nil {
			t.Fatal(err)
		}
		buffer, locked = receiveBuffer(t, server)
		return info.SegmentSize, buffer, locked
	}
	segment, buffer, _ := reading()
	if err := p.SetWindow(hook.SocketLimits{ReceiveBuffer: 4000, SegmentSize: 536}); err != nil {
		t.Fatal(err)
	}
	if s, b, locked := reading(); s > 536 || b != 8000 || !locked {
		t.Errorf("shaped: segments of %d bytes, buffer of %d, locked %t", s, b, locked)
	}
	if err := p.SetWindow(tiny); err != nil {
		t.Fatal(err)
	}
	client, _ := dialShaped(t, l, hook.SocketLimits{})
	if total := fill(t, client); total > segmentLimit[88] {
		t.Errorf("with the least window %d bytes went in", total)
	}
	for _, turn := range []func() error{nil, p.RefuseConnects, p.BlackHole} {
		if turn != nil {
			if err := errors.Join(p.SetWindow(tiny), turn(), p.SetWindow(hook.SocketLimits{})); err != nil {
				t.Fatal(err)
			}
			if l, err = p.StartListening(); err != nil {
				t.Fatal(err)
			}
		} else if err := p.SetWindow(hook.SocketLimits{}); err != nil {
			t.Fatal(err)
		}
		if s, b, locked := reading(); s != segment || b < buffer || locked {
			t.Errorf("restored: segments of %d bytes, buffer of %d, locked %t; were %d and %d", s, b, locked, segment, buffer)
		}
		client, _ := dialShaped(t, l, hook.SocketLimits{})
		if total := fill(t, client); total < 1_000_000 {
			t.Errorf("restored, %d bytes went in", total)
		}
	}
	_ = p.Close()
	if err := p.SetWindow(tiny); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
