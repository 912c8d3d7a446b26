package dialogue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/sockharness/harness/harness/event"
)

// A DataPort is a port that a server tells its client.
type DataPort struct {
	Listener net.Listener // accepts the client; the player closes it
	Number   int          // what the client is told: the listener's port, or that of a proxy before it
}

var errNoTCP = errors.New("a data connection needs TCP")

// WithDataHost returns the script with the host to which its data connections go; without
// one they go to the host of the connection that tells the port.
func (s *Script) WithDataHost(host string) *Script {
	next := *s
	next.dataHost = host
	return &next
}

// DialData connects to a port of the script's host, else to one of the host at the other end
// of conn.
func (s *Script) DialData(ctx context.Context, conn net.Conn, port int) (Conn, error) {
	host := s.dataHost
	if host == "" {
		peer, ok := conn.RemoteAddr().(*net.TCPAddr)
		if !ok {
			return nil, errNoTCP
		}
		host = peer.IP.String()
	}
	var dialer net.Dialer
	dialer.SetMultipathTCP(false)
	data, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return data.(*net.TCPConn), nil
}

// ListenForData opens a port at a host of this machine whose number has as many digits as
// that of each other one, in both of the forms in which it is told.
func ListenForData(ctx context.Context, host string) (*net.TCPListener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	for {
		l, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		if EvenPort(l.Addr()) {
			return l.(*net.TCPListener), nil
		}
		l.Close()
	}
}

// EvenPort reports whether the port of an address has the digits that offsets rely on.
func EvenPort(a net.Addr) bool {
	at, ok := a.(*net.TCPAddr)
	return ok && at.Port >= leastLow<<8 && at.Port&0xff >= leastLow
}

// openData opens the data connection of a step as the client; nil where it has none.
func (p *player) openData(ctx context.Context, i int, step Step) (Conn, bool) {
	if step.Connect == nil {
		return nil, true
	}
	port, err := p.dataPort(step)
	if err != nil {
		return nil, p.stopPlay("%s: connect: %v", p.script.stepName(i), err)
	}
	var conn Conn
	if p.options.Connect != nil {
		conn, err = p.options.Connect(ctx, p.script.dataNumber(i), port)
	} else {
		conn, err = p.script.DialData(ctx, p.stream.conn, port)
	}
	if err != nil {
		p.played.Data = append(p.played.Data, Played{Ending: endingOf(err), ReadEnding: endingOf(err), Incomplete: err.Error()})
		return nil, p.stopPlay("%s: connect to port %d, which the server has told: %v", p.script.stepName(i), port, err)
	}
	return conn, true
}

// dataPort returns the port of a step's data connection, with the values that were kept.
func (p *player) dataPort(step Step) (int, error) {
	values := Groups{}
	if p.script.values != nil {
		values = p.script.values.all()
	}
	told, err := step.Connect.To.ExpandPattern(p.script.Framing, step.random(), p.script.lookupWith(values))
	if err != nil {
		return 0, err
	}
	b, err := told.SentBytes()
	if err != nil {
		return 0, err
	}
	return parsePort(string(b))
}

// dataNumber returns how many data connections the steps before step i open.
func (s *Script) dataNumber(i int) int {
	return (&Script{Steps: s.Steps[:i]}).ConnectionCount()
}

// playData holds what is said on the data connection of a step, and closes it.
func (p *player) playData(ctx context.Context, i int, step Step, conn Conn) bool {
	said := *step.Connect.Script
	said.values = p.script.values
	var played Played
	if p.side == event.Client {
		played = said.PlayClient(ctx, conn, Options{MaxReceive: p.options.MaxReceive})
	} else {
		played = said.PlayServer(ctx, conn, Options{MaxReceive: p.options.MaxReceive})
	}
	p.played.Data = append(p.played.Data, played)
	if played.OK() {
		return true
	}
	p.timedOut = played.Ending == event.Timeout
	return p.stopPlay("%s, on its data connection: %v", p.script.stepName(i), played.Err())
}

// openPort opens the port that the reply of a step tells, and keeps its number.
func (p *player) openPort(i int, step Step) bool {
	if step.Listen == "" {
		return true
	}
	port, err := p.listenForData(len(p.ports))
	if err != nil {
		return p.stopPlay("%s: listen: %v", p.script.stepName(i), err)
	}
	p.ports = append(p.ports, port)
	p.script.values.set(step.Listen, strconv.Itoa(port.Number))
	p.script.values.set(step.Listen+pairSuffix, portPair(port.Number))
	return true
}

func (p *player) listenForData(n int) (*DataPort, error) {
	if p.options.Listen != nil {
		return p.options.Listen(p.ctx, n)
	}
	at, ok := p.stream.conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil, errNoTCP
	}
	l, err := ListenForData(p.ctx, at.IP.String())
	if err != nil {
		return nil, err
	}
	return &DataPort{Listener: l, Number: l.Addr().(*net.TCPAddr).Port}, nil
}

// serveData accepts the data connection of a step as the server, and holds what is said on it.
func (p *player) serveData(i int, step Step) bool {
	if step.Connect == nil {
		return true
	}
	number, err := p.dataPort(step)
	if err != nil {
		return p.stopPlay("%s: connect: %v", p.script.stepName(i), err)
	}
	for _, port := range p.ports {
		if port.Number == number {
			conn, err := p.acceptData(port.Listener)
			if err != nil {
				return p.stopLate("%s: the client has not connected to port %d", p.script.stepName(i), number)
			}
			return p.playData(p.ctx, i, step, conn)
		}
	}
	return p.stopPlay("%s: no port %d is open", p.script.stepName(i), number)
}

// acceptData blocks until the client has connected, ctx ends, or the client's connection has.
func (p *player) acceptData(l net.Listener) (Conn, error) {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	over := make(chan struct{})
	go func() {
		defer close(over)
		if p.waitState(ctx, func(s state) bool { return s.ended }) {
			limit, stop := context.WithTimeout(ctx, settleTime)
			defer stop()
			<-limit.Done() // it may have connected before
		}
		if ctx.Err() == nil || p.ctx.Err() != nil {
			l.Close()
		}
	}()
	conn, err := l.Accept()
	cancel()
	<-over
	if err != nil {
		return nil, err
	}
	return conn.(Conn), nil
}

// closePorts closes what was opened for the client.
func (p *player) closePorts() {
	for _, port := range p.ports {
		port.Listener.Close()
	}
}

// set keeps a value.
func (c *capturedValues) set(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[name] = []byte(value)
}

// DataOutcome is what became of the n-th data connection, from 0; without one, why there was
// none.
func (p Played) DataOutcome(n int) Played {
	if n < len(p.Data) {
		return p.Data[n]
	}
	none := Played{ReadEnding: p.ReadEnding, WriteEnding: p.WriteEnding, Ending: p.Ending, Elapsed: p.Elapsed}
	none.Incomplete = "the data connection was not opened"
	if err := p.Err(); err != nil {
		none.Incomplete = fmt.Sprintf("the data connection was not opened: %v", err)
	}
	return none
}
