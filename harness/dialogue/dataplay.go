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

// OpenData connects to the port of the data connection of step i, from 0, for players that
// play the client of a connection themselves. It blocks until it is connected, or ctx ends.
// The caller closes the connection; it is nil where the step has none.
func (s *Script) OpenData(ctx context.Context, conn net.Conn, i int) (Conn, error) {
	if s.Steps[i].Connect == nil {
		return nil, nil
	}
	port, err := s.dataPort(i)
	if err != nil {
		return nil, fmt.Errorf("%s: connect: %w", s.stepName(i), err)
	}
	data, err := s.DialData(ctx, conn, port)
	if err != nil {
		return nil, s.describeDial(i, port, err)
	}
	return s.SecureData(i, event.Client, conn, data), nil
}

func (s *Script) describeDial(i, port int, err error) error {
	return fmt.Errorf("%s: connect to port %d, which the server has told: %w", s.stepName(i), port, err)
}

// PlayData holds what is said on the data connection of step i, from 0, as the given side. It
// blocks like [Script.PlayClient], and closes conn.
func (s *Script) PlayData(ctx context.Context, conn Conn, i int, side event.Side, o Options) Played {
	said := *s.Steps[i].Connect.Script
	said.values = s.values
	if side == event.Client {
		return said.PlayClient(ctx, conn, o)
	}
	return said.PlayServer(ctx, conn, o)
}

// DescribeData says what was wrong on the data connection of step i; nil: nothing was.
func (s *Script) DescribeData(i int, played Played) error {
	if played.OK() {
		return nil
	}
	return fmt.Errorf("%s, on its data connection: %w", s.stepName(i), played.Err())
}

// dataPort returns the port of the data connection of a step, with the values that were kept.
func (s *Script) dataPort(i int) (int, error) {
	step, values := s.Steps[i], Groups{}
	if s.values != nil {
		values = s.values.all()
	}
	told, err := step.Connect.To.ExpandPattern(s.Framing, step.random(), s.lookupWith(values))
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

// DataPorts are the ports that a server opens for the data connections of its client.
type DataPorts []*DataPort

// Open opens the port that the reply of step i of a script tells, from 0, and keeps its
// number there; nothing where the step opens none. listen opens it.
func (ports *DataPorts) Open(s *Script, i int, listen func() (*DataPort, error)) error {
	name := s.Steps[i].Listen
	if name == "" {
		return nil
	}
	port, err := listen()
	if err != nil {
		return fmt.Errorf("%s: listen: %w", s.stepName(i), err)
	}
	*ports = append(*ports, port)
	s.values.set(name, strconv.Itoa(port.Number))
	s.values.set(name+pairSuffix, portPair(port.Number))
	return nil
}

// Find returns the port on which the client opens the data connection of step i, from 0.
func (ports DataPorts) Find(s *Script, i int) (*DataPort, error) {
	number, err := s.dataPort(i)
	if err != nil {
		return nil, fmt.Errorf("%s: connect: %w", s.stepName(i), err)
	}
	for _, port := range ports {
		if port.Number == number {
			return port, nil
		}
	}
	return nil, fmt.Errorf("%s: no port %d is open", s.stepName(i), number)
}

// Close closes all of them.
func (ports DataPorts) Close() {
	for _, port := range ports {
		port.Listener.Close()
	}
}

// ListenBeside opens a port at the address of a connection.
func ListenBeside(ctx context.Context, conn net.Conn) (*DataPort, error) {
	at, ok := conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil, errNoTCP
	}
	l, err := ListenForData(ctx, at.IP.String())
	if err != nil {
		return nil, err
	}
	return &DataPort{Listener: l, Number: l.Addr().(*net.TCPAddr).Port}, nil
}

// openData opens the data connection of a step as the client; nil where it has none.
func (p *player) openData(ctx context.Context, i int, step Step) (Conn, bool) {
	if step.Connect == nil {
		return nil, true
	}
	port, err := p.script.dataPort(i)
	if err != nil {
		return nil, p.stopPlay("%s: connect: %v", p.script.stepName(i), err)
	}
	var conn Conn
	if p.options.Connect != nil {
		conn, err = p.options.Connect(ctx, p.script.dataNumber(i), port)
	} else if conn, err = p.script.DialData(ctx, p.stream.conn, port); err == nil {
		conn = p.script.SecureData(i, p.side, p.stream.conn, conn)
	}
	if err != nil {
		p.played.Data = append(p.played.Data, Played{Ending: endingOf(err), ReadEnding: endingOf(err), Incomplete: err.Error()})
		return nil, p.stopPlay("%v", p.script.describeDial(i, port, err))
	}
	return conn, true
}

// playData holds what is said on the data connection of a step, and closes it.
func (p *player) playData(ctx context.Context, i int, conn Conn) bool {
	played := p.script.PlayData(ctx, conn, i, p.side, Options{MaxReceive: p.options.MaxReceive})
	p.played.Data = append(p.played.Data, played)
	if err := p.script.DescribeData(i, played); err != nil {
		p.timedOut = played.Ending == event.Timeout
		return p.stopPlay("%v", err)
	}
	return true
}

// openPort opens the port that the reply of a step tells, and keeps its number.
func (p *player) openPort(i int) bool {
	err := p.ports.Open(p.script, i, func() (*DataPort, error) {
		if p.options.Listen != nil {
			return p.options.Listen(p.ctx, len(p.ports))
		}
		return ListenBeside(p.ctx, p.stream.conn)
	})
	return err == nil || p.stopPlay("%v", err)
}

// serveData accepts the data connection of a step as the server, and holds what is said on it.
func (p *player) serveData(i int, step Step) bool {
	if step.Connect == nil {
		return true
	}
	port, err := p.ports.Find(p.script, i)
	if err != nil {
		return p.stopPlay("%v", err)
	}
	conn, err := p.acceptData(port.Listener)
	if err != nil {
		return p.stopLate("%s: the client has not connected to port %d", p.script.stepName(i), port.Number)
	}
	if p.options.Listen == nil {
		conn = p.script.SecureData(i, p.side, p.stream.conn, conn)
	}
	return p.playData(p.ctx, i, conn)
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
