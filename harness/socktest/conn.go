package socktest

import (
	"context"
	"fmt"
	"slices"
)

// A Conn is one connection through a [Proxy], as it is at the time of each call. It
// may be asked for before the connection is made. Its methods are safe for
// concurrent use.
type Conn struct {
	proxy  *Proxy
	number int
}

// Conn returns the n-th connection that the proxy has accepted, from 1. It does not
// wait for it.
func (p *Proxy) Conn(n int) *Conn {
	if n < 1 {
		p.tb.Helper()
		p.tb.Fatalf("socktest: connections of a proxy are numbered from 1, got %d", n)
	}
	return &Conn{proxy: p, number: n}
}

// Conns returns all connections so far, those that are over included.
func (p *Proxy) Conns() []*Conn {
	var all []*Conn
	for _, n := range p.record.accepted() {
		all = append(all, &Conn{proxy: p, number: n})
	}
	return all
}

func (c *Conn) with(f func(*connRecord)) { c.proxy.record.with(c.number, f) }

// Number returns the connection's number on its proxy, from 1.
func (c *Conn) Number() int { return c.number }

// Made reports whether the proxy has accepted the connection.
func (c *Conn) Made() (made bool) {
	c.with(func(r *connRecord) { made = r.accepted })
	return made
}

// Over reports whether the connection is closed on both sides.
func (c *Conn) Over() (over bool) {
	c.with(func(r *connRecord) { over = r.over })
	return over
}

// Addrs returns the address of the client, and that of the server, which is "" until
// the proxy has connected to it.
func (c *Conn) Addrs() (client, server string) {
	c.with(func(r *connRecord) { client, server = r.client, r.server })
	return client, server
}

// Bytes returns how many bytes of the direction were passed on to their receiver.
func (c *Conn) Bytes(d Direction) (n int64) {
	c.with(func(r *connRecord) { n = r.carried[d&1] })
	return n
}

// Data returns the bytes of the direction that were passed on, up to the first MiB.
func (c *Conn) Data(d Direction) (data []byte) {
	c.with(func(r *connRecord) {
		if tap := r.taps[d&1]; tap != nil {
			data, _ = tap.RecordedBytes()
		}
	})
	return data
}

// Ending returns how the stream of the direction ended for its receiver: [Open], [FIN]
// or [RST]. A reset ends both streams, but for one that had ended before.
func (c *Conn) Ending(d Direction) (e Ending) {
	c.with(func(r *connRecord) { e = r.ended[d&1] })
	return e
}

// Ends returns the ends in the order in which their receivers got them. A reset is one
// end, of the direction in which it was caused. What a fault holds back or replaces is
// not among them.
func (c *Conn) Ends() (all []End) {
	c.with(func(r *connRecord) { all = slices.Clone(r.ends) })
	return all
}

// First returns who was the first to end a stream, by FIN or RST, whether or not that
// was passed on; "" while nobody has.
func (c *Conn) First() (by Side) {
	c.with(func(r *connRecord) { by = r.first })
	return by
}

// Events returns what happened on the connection, the first 1,000 events.
func (c *Conn) Events() (all []Event) {
	c.with(func(r *connRecord) { all = slices.Clone(r.events) })
	return all
}

// WaitMade blocks until the proxy has accepted the connection, such as that of a client
// that connects again, or returns the cause of the context's end.
func (c *Conn) WaitMade(ctx context.Context) error {
	if err := c.proxy.record.await(ctx, c.Made); err != nil {
		return fmt.Errorf("wait for connection %d: %w", c.number, err)
	}
	return nil
}

// Wait blocks until the connection is over, or returns the cause of the context's end
// with what the connection is like then.
func (c *Conn) Wait(ctx context.Context) error {
	if err := c.proxy.record.await(ctx, c.Over); err != nil {
		return fmt.Errorf("wait for the end of %v: %w", c, err)
	}
	return nil
}

// String tells which connection it is and what became of it.
func (c *Conn) String() (text string) {
	c.with(func(r *connRecord) { text = fmt.Sprintf("connection %d %s", c.number, r.describe()) })
	return text
}
