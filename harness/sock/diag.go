package sock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
)

// A Diag asks the kernel about the TCP sockets of all processes in this network
// namespace: sock_diag(7). One exact query takes some 3 µs. It is safe for
// concurrent use. Create it with [OpenDiag].
type Diag struct {
	idle   chan *client // those that nobody uses; its capacity is their number
	close  sync.Once
	closed chan struct{}
}

// OpenDiag opens netlink sockets, as many as can be used in parallel and eight
// at most, and proves that they answer. The error is [ErrUnsupported] where the
// system does not allow or know it. The caller closes the Diag.
func OpenDiag() (*Diag, error) {
	n := min(runtime.GOMAXPROCS(0), 8)
	d := &Diag{idle: make(chan *client, n), closed: make(chan struct{})}
	for range n {
		c, err := openClient()
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("sock_diag open: %w", err)
		}
		d.idle <- c
	}
	if _, err := d.AllListeners(); err != nil {
		d.Close()
		return nil, fmt.Errorf("sock_diag open: %w", errors.Join(ErrUnsupported, err))
	}
	return d, nil
}

// Close waits for the queries under way and releases the sockets. A method
// that waits returns [net.ErrClosed].
func (d *Diag) Close() error {
	d.close.Do(func() { close(d.closed) })
	for {
		select {
		case c := <-d.idle:
			c.closeFD()
		default:
			return nil
		}
	}
}

// FindSocket returns the socket whose own address is local and whose peer has the
// address remote. IPv4 addresses may be given as such or mapped into IPv6. The
// error is [ErrNotFound] when there is none, or [net.ErrClosed].
func (d *Diag) FindSocket(local, remote netip.AddrPort) (s Socket, err error) {
	err = d.withClient(func(c *client) (err error) {
		s, err = c.findSocket(local, remote)
		return err
	})
	return s, err
}

// AllListeners returns all TCP sockets of this network namespace that listen, of
// both address families, those of Multipath TCP included.
func (d *Diag) AllListeners() (all []Listener, err error) {
	err = d.withClient(func(c *client) (err error) {
		all, err = c.allListeners()
		return err
	})
	return all, err
}

// withClient lends one client to f.
func (d *Diag) withClient(f func(*client) error) error {
	select {
	case <-d.closed:
		return net.ErrClosed
	default:
	}
	select {
	case c := <-d.idle:
		defer d.releaseClient(c)
		return f(c)
	case <-d.closed:
		return net.ErrClosed
	}
}

// releaseClient puts c back, and closes it when Close has come meanwhile.
func (d *Diag) releaseClient(c *client) {
	d.idle <- c
	select {
	case <-d.closed:
		d.Close()
	default:
	}
}
