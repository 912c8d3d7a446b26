package rig

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// A fault of connects answers those to the client's server only, and reports the first one.
func TestConnectFaultReplies(t *testing.T) {
	var (
		proxy  = netip.MustParseAddrPort("127.0.0.1:5000")
		same   = netip.MustParseAddrPort("[::1]:5000")
		one    = netip.MustParseAddrPort("192.0.2.1:80")
		two    = netip.MustParseAddrPort("192.0.2.2:80")
		other  = netip.MustParseAddrPort("127.0.0.1:6000")
		refuse = syscall.ECONNREFUSED
	)
	for name, tt := range map[string]struct {
		fault scenario.ConnectFault
		own   []netip.AddrPort
		to    []netip.AddrPort
		want  []peer.ConnectReply
	}{
		"every connect":       {scenario.ConnectFault{Errno: refuse}, nil, []netip.AddrPort{proxy, proxy}, []peer.ConnectReply{{Errno: refuse}, {Errno: refuse}}},
		"another port":        {scenario.ConnectFault{Errno: refuse}, nil, []netip.AddrPort{other}, []peer.ConnectReply{{}}},
		"another of its own":  {scenario.ConnectFault{Errno: refuse}, []netip.AddrPort{one}, []netip.AddrPort{two, proxy}, []peer.ConnectReply{{}, {}}},
		"no fault":            {scenario.ConnectFault{}, []netip.AddrPort{one}, []netip.AddrPort{one}, []peer.ConnectReply{{To: proxy}}},
		"one address":         {scenario.ConnectFault{Errno: refuse, Address: netip.MustParseAddrPort("[::1]:0")}, nil, []netip.AddrPort{same, proxy}, []peer.ConnectReply{{To: proxy, Errno: refuse}, {}}},
		"the first address":   {scenario.ConnectFault{Errno: refuse, First: true}, []netip.AddrPort{one, two}, []netip.AddrPort{two, one, two}, []peer.ConnectReply{{To: proxy, Errno: refuse}, {To: proxy}, {To: proxy, Errno: refuse}}},
		"late, then refused":  {scenario.ConnectFault{Errno: refuse, Delay: time.Second}, nil, []netip.AddrPort{proxy}, []peer.ConnectReply{{Errno: refuse, Delay: time.Second}}},
		"late, and connected": {scenario.ConnectFault{Delay: time.Second}, []netip.AddrPort{one}, []netip.AddrPort{one}, []peer.ConnectReply{{To: proxy, Delay: time.Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &connectFault{ConnectFault: tt.fault, log: event.NewLog(0), proxy: proxy, own: tt.own}
			strikes := 0
			for i, to := range tt.to {
				if got := c.replyTo(to); got != tt.want[i] {
					t.Errorf("connect %d to %s: got %+v, want %+v", i, to, got, tt.want[i])
				}
				if tt.want[i].Errno != 0 || tt.want[i].Delay != 0 {
					strikes = 1
				}
			}
			if got := len(c.log.AllEvents()); got != strikes {
				t.Errorf("got %d events, want %d", got, strikes)
			}
			if err := c.missedReason(); (err == nil) != (strikes == 1) || err != nil && !errors.Is(err, scenario.ErrUnsupported) {
				t.Errorf("missed: got %v", err)
			}
		})
	}
}

func TestMissedConnectNamesTheAddress(t *testing.T) {
	c := &connectFault{ConnectFault: scenario.ConnectFault{Address: netip.MustParseAddrPort("[::1]:0")}}
	if err := c.missedReason(); err == nil || !strings.HasSuffix(err.Error(), "no connect to ::1") {
		t.Errorf("got %v", err)
	}
}

// The addresses of a client's server are those that it declares.
func TestNewConnectFault(t *testing.T) {
	s := proxied(t, scenario.Target{Client: scenario.Peer{ConnectsTo: []string{"192.0.2.1:80"}}})
	c, err := s.newConnectFault(t.Context(), scenario.ConnectFault{Errno: syscall.ECONNREFUSED})
	if err != nil || len(c.own) != 1 || c.own[0].String() != "192.0.2.1:80" || c.proxy.String() != s.proxyAddress() {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestUnableToAnswerConnects(t *testing.T) {
	if err := unsupportedIfUnable(peer.ErrNoInterception); !errors.Is(err, scenario.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if err := unsupportedIfUnable(io.EOF); err != io.EOF {
		t.Errorf("another error: got %v", err)
	}
}
