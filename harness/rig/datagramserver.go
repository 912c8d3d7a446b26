package rig

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A datagramServer is a server of datagrams that the harness plays itself.
type datagramServer struct {
	conn      *net.UDPConn
	stranger  *net.UDPConn // on another port
	responder *dialogue.DatagramServer
	answer    func(scenario.DatagramRequest) []scenario.DatagramReply // nil: as the dialogue says
	clientOf  func(from string) net.Addr                              // of the client whose datagrams come from there
	struck    func(detail string)
	tasks     sync.WaitGroup

	mu      sync.Mutex     // guards what follows
	asked   map[string]int // how often, by request
	unknown []byte         // the first datagram that is no request of the dialogue
}

// serveDatagrams starts to serve. The caller must close.
func serveDatagrams(script *dialogue.Script) (*datagramServer, error) {
	if script == nil {
		return nil, errors.New("dialogue server: the target has no dialogue")
	}
	d := &datagramServer{responder: script.NewDatagramServer(), asked: map[string]int{}}
	for _, c := range []**net.UDPConn{&d.conn, &d.stranger} {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			d.closeAll()
			return nil, fmt.Errorf("dialogue server: %w", err)
		}
		*c = conn
	}
	return d, nil
}

// start answers from now on.
func (d *datagramServer) start() { d.tasks.Go(d.serveLoop) }

func (d *datagramServer) serveLoop() {
	for {
		payload, from, err := sock.ReadDatagram(d.conn)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			d.answerRequest(payload, from)
		}
	}
}

func (d *datagramServer) answerRequest(payload []byte, from net.Addr) {
	step, reply, ok := d.responder.ReplyTo(payload)
	d.mu.Lock()
	if !ok && d.unknown == nil {
		d.unknown = payload
	}
	d.asked[string(payload)]++
	asked := d.asked[string(payload)]
	d.mu.Unlock()
	if !ok {
		return
	}
	replies := []scenario.DatagramReply{{Bytes: reply}}
	if d.answer != nil {
		replies = d.answer(scenario.DatagramRequest{Step: step, Asked: asked, Bytes: payload, Reply: reply, Server: d.responder})
	}
	for _, r := range replies {
		d.sendReply(r, from)
	}
}

// sendReply sends one datagram. That it is lost the client will notice.
func (d *datagramServer) sendReply(r scenario.DatagramReply, from net.Addr) {
	if r.Bytes == nil {
		return
	}
	conn, to := d.conn, from
	if r.Stranger {
		if conn, to = d.stranger, d.clientOf(from.String()); to == nil {
			return
		}
	}
	if _, err := conn.WriteTo(r.Bytes, to); err == nil && r.Odd != "" && d.struck != nil {
		d.struck(r.Odd)
	}
}

func (d *datagramServer) address() string { return d.conn.LocalAddr().String() }

// complaint tells what the dialogue wanted of the client, and got.
func (d *datagramServer) complaint() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case len(d.asked) == 0:
		return "it sent no datagram"
	case d.unknown != nil:
		return fmt.Sprintf("it sent %q, which is no request of the dialogue", d.unknown)
	}
	return fmt.Sprintf("it sent %d different requests of the dialogue", len(d.asked))
}

// closeAll ends the server, and waits.
func (d *datagramServer) closeAll() {
	for _, c := range []*net.UDPConn{d.conn, d.stranger} {
		if c != nil {
			c.Close()
		}
	}
	d.tasks.Wait()
}
