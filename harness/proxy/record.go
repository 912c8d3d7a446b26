package proxy

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/tlsconn"
)

// recordOpened tells that one of the two sockets is connected.
func (s *session) recordOpened(k event.Kind, who event.Side, c link.Conn) {
	if record := s.proxy.cfg.Record; record != nil {
		_, secure := c.(*tlsconn.Conn)
		record(link.Passage{At: time.Now(), Conn: s.id, Side: who, Kind: k, Peer: c.RemoteAddr(), Own: c.LocalAddr(), TLS: secure})
	}
}

// recordEnd tells of a FIN or a reset that is about to be sent to a side. Nothing is sent
// to one that has reset the connection itself, or is to hear nothing.
func (s *session) recordEnd(k event.Kind, to *link.Side) {
	if record := s.proxy.cfg.Record; record != nil && to.PeerEnding() != event.Reset && !to.IsUnplugged() {
		record(link.Passage{At: time.Now(), Conn: s.id, Side: to.Peer, Sent: true, Kind: k})
	}
}

// recordFINs tells of the FINs by which a close ends what has not ended yet.
func (s *session) recordFINs() {
	for _, l := range s.links {
		if !l.FINSent() {
			s.recordEnd(event.FIN, l.Dest())
		}
	}
}
