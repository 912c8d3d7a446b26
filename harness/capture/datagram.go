package capture

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// A recordedDatagram is one that a peer has sent to the proxy of datagrams, or was sent.
type recordedDatagram struct {
	at        time.Time
	conn      uint64
	leg       int
	sent      bool // by the proxy
	peer, own netip.AddrPort
	bytes     []byte
}

// addDatagramLocked keeps a datagram, unless there are too many.
func (r *Recording) addDatagramLocked(p link.Passage) {
	if len(r.datagrams) >= keptGrams || r.room < len(p.Bytes) {
		r.lost++
		return
	}
	one := recordedDatagram{at: p.At, conn: p.Conn, leg: clientLeg, sent: p.Sent, peer: datagramAddr(p.Peer), own: datagramAddr(p.Own), bytes: bytes.Clone(p.Bytes)}
	if p.Side == event.Server {
		one.leg = serverLeg
	}
	r.room -= len(p.Bytes)
	r.datagrams = append(r.datagrams, one)
}

func datagramAddr(a net.Addr) netip.AddrPort {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := udp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// takeDatagramsLocked takes those of one association out of the recording.
func (r *Recording) takeDatagramsLocked(id uint64) (taken []recordedDatagram) {
	for _, d := range r.datagrams {
		if d.conn == id {
			taken = append(taken, d)
			r.room += len(d.bytes)
		}
	}
	r.datagrams = slices.DeleteFunc(r.datagrams, func(d recordedDatagram) bool { return d.conn == id })
	return taken
}

// segment returns the packet of the datagram; the first one of a leg says what it is.
func (d recordedDatagram) segment(first bool) segment {
	from, to := d.peer, d.own
	if d.sent {
		from, to = d.own, d.peer
	}
	if from.Addr().Is4() != to.Addr().Is4() { // a port of all addresses, and one client of it
		any := netip.IPv6Unspecified()
		if d.peer.Addr().Is4() {
			any = netip.IPv4Unspecified()
		}
		if d.sent {
			from = netip.AddrPortFrom(any, from.Port())
		} else {
			to = netip.AddrPortFrom(any, to.Port())
		}
	}
	one := segment{at: d.at, leg: d.leg, conn: d.conn, sent: d.sent, from: from, to: to, udp: true, bytes: d.bytes}
	if first {
		one.comments = []string{fmt.Sprintf("association %d: %s", d.conn, [...]string{clientLeg: "client and proxy", serverLeg: "proxy and server"}[d.leg])}
	}
	return one
}

// datagramSegmentsLocked returns the packets of all datagrams in the order of their times:
// each direction has its own goroutine, and the one of the answer may report first.
func (r *Recording) datagramSegmentsLocked() (all []segment) {
	slices.SortStableFunc(r.datagrams, func(a, b recordedDatagram) int { return a.at.Compare(b.at) })
	seen := map[[2]uint64]bool{}
	for _, d := range r.datagrams {
		key := [2]uint64{d.conn, uint64(d.leg)}
		all = append(all, d.segment(!seen[key]))
		seen[key] = true
	}
	return all
}
