// Package datagram stands between the clients and the server of a conversation
// in UDP datagrams: it listens for the ones, and keeps a connected socket towards
// the other for each of them, an association. Datagrams pass one by one, with
// their boundaries and in order, unless a toxic has it otherwise.
//
//	px, err := datagram.New(datagram.Config{Name: "dns", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:53"})
//	err = px.Start(ctx)
//	defer px.Close()
//
// [Config] is what is asked for; [Proxy] is what runs; [Catalogue] is what can
// tamper with datagrams.
//
// An ICMP error that a datagram of ours meets upstream (RFC 1122 §4.1.3.3) is an
// event of kind [event.PortUnreachable]. To the client it is passed on where the system
// allows that, which is where raw sockets may be opened: Linux, with
// CAP_NET_RAW. Elsewhere the client sees no answer.
package datagram

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/event"
	streams "github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/seed"
)

// A Mode says what becomes of the datagrams of clients, those of known ones
// included: there is no connection that could live on.
type Mode uint8

// The modes. Only in the first one anything passes, in either direction.
const (
	Accept    Mode = iota
	Refuse         // the port is closed, ICMP says so: ECONNREFUSED; it stays ours on Linux
	BlackHole      // datagrams are swallowed
)

// String returns the mode's name, such as "blackhole".
func (m Mode) String() string {
	names := [...]string{"accept", "refuse", "blackhole"}
	if int(m) >= len(names) {
		return fmt.Sprintf("mode %d", m)
	}
	return names[m]
}

// MaxPayload is the longest payload of a datagram over IPv4: what an IP packet
// holds, less two headers.
const MaxPayload = 65535 - 20 - 8

// A Config says what a proxy is to be. It must not be modified after [New].
type Config struct {
	Name     string // name of the proxy
	Listen   string // "host:port"; port 0 picks a free one
	Upstream string // "host:port"
	Follow   bool   // an upstream may answer from another port, where what comes next is sent, as with [sock.DialFollowing]
	Mode     Mode   // what happens to new associations; zero: they are served

	DialTimeout  time.Duration // of looking up the upstream's name; 0: 10 s
	Idle         time.Duration // an association ends that carried nothing for so long; 0: 1 min, negative: never
	Associations int           // how many there can be; one more ends the one that is idle for longest; 0: 4096

	Served uint64        // associations that are counted as served before the first one
	NewID  func() uint64 // number of the next association in events; nil: 1, 2, 3 and so on

	Seed   seed.Source       // source of all that is random
	Events event.Sink        // nil: nobody listens
	Closed func(Association) // is told of each that is over, and must not block; nil: nobody is
	// Record is told of each datagram that a peer has sent, or that was sent to one: with both
	// addresses. It must not block, nor keep the bytes. Nil: nobody is.
	Record func(streams.Passage)
	// Passing is given each datagram right before it is sent on, so that who gets it can ask;
	// what it returns is called if that fails. It must not block, nor keep the bytes. Nil:
	// nobody is.
	Passing func(conn uint64, d event.Direction, payload []byte) (undo func())
	Toxics  []Toxic // toxics of both directions, in order
}

func (c Config) withDefaults() Config {
	if c.DialTimeout <= 0 {
		c.DialTimeout = 10 * time.Second
	}
	if c.Idle == 0 {
		c.Idle = time.Minute
	}
	if c.Associations <= 0 {
		c.Associations = 4096
	}
	return c
}

// checkToxics finds what is wrong with a list of toxics, and returns a copy.
func checkToxics(list []Toxic) ([]Toxic, error) {
	seen := map[string]bool{}
	for _, t := range list {
		switch {
		case t.kind == nil:
			return nil, errors.New("toxic that Make has not made")
		case seen[t.Name]:
			return nil, fmt.Errorf("toxic %s: name used twice", t.Name)
		case math.IsNaN(t.Toxicity):
			return nil, fmt.Errorf("toxic %s: toxicity is not a number", t.Name)
		}
		seen[t.Name] = true
	}
	return slices.Clone(list), nil
}
