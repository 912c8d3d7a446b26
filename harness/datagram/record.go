package datagram

import (
	"net"
	"net/netip"
	"time"

	"github.com/sockharness/harness/harness/event"
	streams "github.com/sockharness/harness/harness/link"
)

// recordClient tells of a datagram between the client and us, which was read, or about to be
// sent, at that time.
func (a *association) recordClient(at time.Time, payload []byte, sent bool) {
	tell := a.proxy.cfg.Record
	if tell == nil {
		return
	}
	own := *a.proxy.port.localAddr().(*net.UDPAddr)
	if a.key.local.IsValid() {
		own.IP = a.key.local.AsSlice()
	}
	tell(streams.Passage{At: at, Conn: a.id, Side: event.Client, Sent: sent, Kind: event.Bytes, Bytes: payload, Peer: net.UDPAddrFromAddrPort(a.key.client), Own: unmapped(&own)})
}

// recordServer is the same of a datagram between the upstream and us.
func (a *association) recordServer(at time.Time, conn net.Conn, payload []byte, sent bool) {
	if tell := a.proxy.cfg.Record; tell != nil {
		tell(streams.Passage{At: at, Conn: a.id, Side: event.Server, Sent: sent, Kind: event.Bytes, Bytes: payload, Peer: conn.RemoteAddr(), Own: conn.LocalAddr()})
	}
}

// recordTime returns the time for a record; the zero time if nobody wants one.
func (a *association) recordTime() (at time.Time) {
	if a.proxy.cfg.Record != nil {
		at = time.Now()
	}
	return at
}

// unmapped writes an IPv4 address as such.
func unmapped(at *net.UDPAddr) net.Addr {
	p := at.AddrPort()
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.Addr().Unmap(), p.Port()))
}
