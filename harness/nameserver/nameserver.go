// Package nameserver answers questions of DNS (RFC 1035) for programs under test: what their
// names lead to, late, wrongly or never.
//
//	s, err := nameserver.Listen(func(name string) nameserver.Reply {
//		return nameserver.Reply{Addrs: []netip.Addr{netip.MustParseAddr("127.77.0.1")}}
//	})
//	defer s.Close()
//	os.WriteFile("resolv.conf", []byte(s.ResolvConf()), 0o644)
package nameserver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sockharness/harness/harness/sleep"
)

// Port is that of name servers: resolv.conf(5) cannot name another one.
const Port = 53

// A Reply is what becomes of a question. The zero Reply says that the name has no address.
type Reply struct {
	Addrs  []netip.Addr  // of the name, in order; told are those of the family asked for
	Fails  bool          // the server says that it failed (SERVFAIL)
	None   bool          // there is no such name (NXDOMAIN)
	Silent bool          // there is no answer
	Delay  time.Duration // before the answer
}

// A Server answers over UDP and TCP, at one address of this machine. Create it with [Listen].
type Server struct {
	reply  func(ctx context.Context, name string) Reply
	at     netip.AddrPort
	udp    *net.UDPConn
	tcp    *net.TCPListener
	ctx    context.Context // until Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// addressTries bounds how many addresses are tried.
const addressTries = 20

// Listen begins to answer, at an address of the loopback network that no other server has, and at
// port 53 where that is allowed: to root, to who has CAP_NET_BIND_SERVICE, and to all where
// net.ipv4.ip_unprivileged_port_start is no larger. Reply may be called by many at once, with
// names in small letters, without the last dot. The caller closes the server.
func Listen(reply func(ctx context.Context, name string) Reply) (*Server, error) {
	s := &Server{reply: reply}
	var err error
	for range addressTries {
		host := netip.AddrFrom4([4]byte{127, 78, byte(rand.N(256)), byte(1 + rand.N(254))})
		if err = s.listen(netip.AddrPortFrom(host, Port)); errors.Is(err, os.ErrPermission) {
			err = s.listen(netip.AddrPortFrom(host, 0))
		}
		if err == nil {
			s.ctx, s.cancel = context.WithCancel(context.Background())
			s.tasks.Go(s.serveUDP)
			s.tasks.Go(s.serveTCP)
			return s, nil
		}
	}
	return nil, fmt.Errorf("name server: %w", err)
}

// listen opens both sockets at one port.
func (s *Server) listen(at netip.AddrPort) error {
	udp, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return err
	}
	bound := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	tcp, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(bound))
	if err != nil {
		udp.Close()
		return err
	}
	s.udp, s.tcp, s.at = udp, tcp, netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port())
	return nil
}

// Addr returns where the server answers.
func (s *Server) Addr() netip.AddrPort { return s.at }

// ToldAddr returns where programs believe that it answers: the same at port 53.
func (s *Server) ToldAddr() netip.AddrPort { return netip.AddrPortFrom(s.at.Addr(), Port) }

// ResolvConf returns the content of a resolv.conf(5) that names the server. A question is asked
// once more after one second, and then given up.
func (s *Server) ResolvConf() string {
	return fmt.Sprintf("nameserver %s\noptions timeout:1 attempts:2\n", s.at.Addr())
}

// Close ends the server, and waits for it.
func (s *Server) Close() {
	s.cancel()
	s.udp.Close()
	s.tcp.Close()
	s.tasks.Wait()
}

// largestQuestion is how long a datagram of a question may be.
const largestQuestion = 4096

func (s *Server) serveUDP() {
	for {
		question := make([]byte, largestQuestion)
		n, from, err := s.udp.ReadFromUDPAddrPort(question)
		if s.ctx.Err() != nil {
			return
		}
		if err != nil {
			continue // an answer before met a closed port
		}
		s.tasks.Go(func() {
			if answer := s.answer(question[:n]); answer != nil {
				_, _ = s.udp.WriteToUDPAddrPort(answer, from) // who has left needs none
			}
		})
	}
}

func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.tasks.Go(func() {
			defer conn.Close()
			stop := context.AfterFunc(s.ctx, func() { conn.Close() })
			defer stop()
			s.converse(conn)
		})
	}
}

// converse answers the questions of a connection: each has its length before it (RFC 1035
// section 4.2.2).
func (s *Server) converse(conn net.Conn) {
	for {
		size := make([]byte, 2)
		if _, err := io.ReadFull(conn, size); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := s.answer(question)
		if answer == nil {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// answer returns what is answered; nil: nothing is. It blocks for the delay of the reply.
func (s *Server) answer(question []byte) []byte {
	var parser dnsmessage.Parser
	head, err := parser.Start(question)
	if err != nil || head.Response {
		return nil
	}
	asked, err := parser.Question()
	if err != nil {
		return nil
	}
	reply := s.reply(s.ctx, strings.TrimSuffix(strings.ToLower(asked.Name.String()), "."))
	if reply.Silent || !sleep.For(s.ctx, reply.Delay) {
		return nil
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: head.ID, Response: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, RCode: reply.code()},
		Questions: []dnsmessage.Question{asked},
		Answers:   reply.records(asked),
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}

func (r Reply) code() dnsmessage.RCode {
	switch {
	case r.Fails:
		return dnsmessage.RCodeServerFailure
	case r.None:
		return dnsmessage.RCodeNameError
	}
	return dnsmessage.RCodeSuccess
}

// records returns the addresses of the family that is asked for.
func (r Reply) records(asked dnsmessage.Question) (all []dnsmessage.Resource) {
	if r.Fails || r.None {
		return nil
	}
	for _, addr := range r.Addrs {
		head := dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: dnsmessage.ClassINET}
		switch {
		case asked.Type == dnsmessage.TypeA && addr.Is4():
			all = append(all, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: addr.As4()}})
		case asked.Type == dnsmessage.TypeAAAA && addr.Is6():
			all = append(all, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return all
}
