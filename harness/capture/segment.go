package capture

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sock"
)

// maxSegment is how many bytes a packet has at most; an IP packet is no longer than 64 KiB.
const maxSegment = 32 << 10

// A segment is one packet of a file.
type segment struct {
	at       time.Time
	leg      int
	conn     uint64
	sent     bool // by the proxy
	from, to netip.AddrPort
	seq, ack uint32
	udp      bool // a datagram

	syn, fin, rst, hasAck bool
	offset                int64 // of bytes, FIN and RST: in the stream
	bytes                 []byte
	comments              []string
}

// segmentsLocked returns the packets of everything, in order of time.
func (r *Recording) segmentsLocked() []segment {
	var all []segment
	for _, id := range r.order {
		c := r.conns[id]
		all = append(all, c.client.segments(id, clientLeg)...)
		all = append(all, c.server.segments(id, serverLeg)...)
	}
	all = append(all, r.datagramSegmentsLocked()...)
	for _, f := range r.refusals {
		all = append(all, f.segments()...)
	}
	slices.SortStableFunc(all, func(a, b segment) int { return a.at.Compare(b.at) })
	for _, s := range r.strikes {
		s.commentOn(all)
	}
	return all
}

// segments returns those of one socket of the proxy, in order of time.
func (s *recordedSide) segments(conn uint64, leg int) []segment {
	if s.opened.Kind == "" {
		return nil
	}
	peer, own, comments := s.addresses(conn, leg)
	handshake := segment{at: s.opened.At, leg: leg, conn: conn, sent: leg == serverLeg, from: peer, to: own, syn: true, comments: comments}
	if handshake.sent {
		handshake.from, handshake.to = own, peer
	}
	answer, last := handshake, handshake
	answer.from, answer.to, answer.sent, answer.hasAck, answer.ack, answer.comments = handshake.to, handshake.from, !handshake.sent, true, 1, nil
	last.syn, last.hasAck, last.seq, last.ack, last.comments = false, true, 1, 1, nil
	var carried []segment
	for _, sent := range []bool{false, true} {
		one := segment{leg: leg, conn: conn, sent: sent, from: peer, to: own, hasAck: true}
		stream := &s.received
		if sent {
			stream, one.from, one.to = &s.sent, own, peer
		}
		carried = append(carried, stream.segments(one)...)
	}
	slices.SortStableFunc(carried, func(a, b segment) int { return a.at.Compare(b.at) })
	var seen [2]uint32 // what each of the two has sent so far, by whether it is the proxy
	for i := range carried {
		p := &carried[i]
		p.ack = 1 + seen[number(!p.sent)]
		end := p.seq - 1 + uint32(len(p.bytes)) + uint32(number(p.fin))
		seen[number(p.sent)] = max(seen[number(p.sent)], end)
	}
	return append([]segment{handshake, answer, last}, carried...)
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// segments returns those of one stream; template is what all have in common.
func (s *recordedStream) segments(template segment) []segment {
	var all []segment
	ended := uint32(0)
	gap := s.leftOut > 0
	for i, p := range slices.Concat(s.head, s.tail) {
		one := template
		one.at, one.offset = p.at, p.offset
		one.fin, one.rst = p.kind == event.FIN, p.kind == event.RST
		one.seq = 1 + uint32(p.offset) + ended
		ended += uint32(number(one.fin))
		if gap && i >= len(s.head) {
			one.comments = []string{fmt.Sprintf("%s left out before this packet", plural.Count(s.leftOut, "byte"))}
			gap = false
		}
		for rest := p.bytes; ; {
			one.bytes = rest[:min(len(rest), maxSegment)]
			all = append(all, one)
			if rest = rest[len(one.bytes):]; len(rest) == 0 {
				break
			}
			one.offset += int64(len(one.bytes))
			one.seq += uint32(len(one.bytes))
			one.comments = nil
		}
	}
	return all
}

// addresses returns those of the socket, and what is to be said of it. A unix socket has
// none: the packets have made-up ones.
func (s *recordedSide) addresses(conn uint64, leg int) (peer, own netip.AddrPort, comments []string) {
	text := fmt.Sprintf("connection %d: client to proxy", conn)
	if leg == serverLeg {
		text = fmt.Sprintf("connection %d: proxy to server", conn)
	}
	peer, ok1 := addrPort(s.opened.Peer)
	own, ok2 := addrPort(s.opened.Own)
	if !ok1 || !ok2 || peer.Addr().Is4() != own.Addr().Is4() {
		loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		peer, own = netip.AddrPortFrom(loopback, uint16(40000+2*(conn%10000)+uint64(leg))), netip.AddrPortFrom(loopback, uint16(1+leg))
		if leg == serverLeg {
			peer, own = own, peer
		}
		text += fmt.Sprintf("; the addresses are made up, for %s and %s", nameOf(s.opened.Peer), nameOf(s.opened.Own))
	}
	if s.opened.TLS {
		text += "; the bytes are what is inside of TLS"
	}
	return peer, own, []string{text}
}

func addrPort(a net.Addr) (netip.AddrPort, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), true
}

func nameOf(a net.Addr) string {
	if text := sock.FormatAddress(a); text != "" && text != "unix:" {
		return text
	}
	return "a socket without a name"
}

// segments returns the connect and the reset that has answered it.
func (f refusal) segments() []segment {
	syn := segment{at: f.at, from: f.from, to: f.to, syn: true, comments: []string{"this connect was refused"}}
	return []segment{syn, {at: f.at, from: f.to, to: f.from, sent: true, rst: true, hasAck: true, ack: 1}}
}

// commentOn says on the packet where the fault has struck that it has.
func (s strike) commentOn(all []segment) {
	best, bestRank := -1, 0
	for i, p := range all {
		if p.syn || s.Conn != 0 && p.conn != s.Conn {
			continue
		}
		rank := s.rankOf(p)
		if best < 0 || rank > bestRank || rank == bestRank && distance(p.at, s.at) < distance(all[best].at, s.at) {
			best, bestRank = i, rank
		}
	}
	if best >= 0 {
		all[best].comments = append(all[best].comments, s.text())
	}
}

func distance(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// rankOf says how well a packet fits the place of the strike: best what was sent on in
// its direction from that byte on, then what holds the byte, then the same as it came.
func (s strike) rankOf(p segment) int {
	leg := serverLeg
	if s.Direction == event.Downstream {
		leg = clientLeg
	}
	begins := p.offset == s.Offset
	holds := p.offset <= s.Offset && s.Offset < p.offset+int64(len(p.bytes))
	ends := p.fin || p.rst || len(p.bytes) > 0
	switch passedOn := p.sent && p.leg == leg; {
	case s.Toxic == event.ByScenario:
		return 0
	case p.udp && (passedOn || !p.sent && p.leg != leg):
		return 1
	case p.udp:
		return 0
	case passedOn && begins && ends:
		return 4
	case passedOn && holds:
		return 3
	case !passedOn && !p.sent && p.leg != leg && holds:
		return 2
	case passedOn:
		return 1
	}
	return 0
}

// text says what has struck.
func (s strike) text() string {
	text := fmt.Sprintf("%s struck %s at byte %d", s.Toxic, s.Direction, s.Offset)
	switch {
	case s.Kind == event.BoundaryRead:
		text = fmt.Sprintf("segment boundary %s at byte %d", s.Direction, s.Offset)
	case s.Toxic == event.ByScenario:
		text = "the scenario struck"
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return shorten(strings.ToValidUTF8(text, "?"))
}
