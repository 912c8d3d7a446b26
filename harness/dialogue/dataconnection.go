package dialogue

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A DataConnection is another connection of the conversation, to a port that one side has
// told the other: the passive mode of FTP (RFC 959 §5.1.2, RFC 2428). All that is said on it
// is said within one exchange.
type DataConnection struct {
	To   *Message  // the port: its number, or two numbers as FTP's PASV has them
	Said *Dialogue // what is said there
	TLS  bool      // it begins with TLS: FTP's PROT P (RFC 4217)
}

// pairSuffix ends the name of a port as two numbers: ${port.pair}.
const pairSuffix = ".pair"

// readConnect reads {to: …, tls: start, framing: …, greeting: …, exchanges: …, end: …}.
func (r Reader) readConnect(n *strictyaml.Node) *DataConnection {
	c := &DataConnection{Said: &Dialogue{}}
	d := c.Said
	var end *strictyaml.Node
	framing := n.GetKey("framing")
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"to":       func(n *strictyaml.Node) { c.To = r.readPort(n) },
		"tls":      func(n *strictyaml.Node) { c.TLS = r.readStartTLS(n) },
		"framing":  func(n *strictyaml.Node) { d.Framing = r.ReadFraming(n) },
		"greeting": func(n *strictyaml.Node) { d.Greeting, d.GreetingKeep = r.readGreeting(n) },
		"exchanges": func(n *strictyaml.Node) {
			r.EachItem(n, func(n *strictyaml.Node) { d.Exchanges = append(d.Exchanges, r.readDataExchange(n)) })
		},
		"end": func(n *strictyaml.Node) { end, d.End = n, r.readEnd(n) },
	}, "to")
	if framing == nil {
		d.Framing = Framing{Kind: UntilEOF}
	}
	if end == nil && d.Framing.Kind == UntilEOF && d.serverSpeaks() {
		d.End = ServerCloses
	}
	d.endNode, d.node = end, n
	return c
}

// readPort reads a port, which may be written as a number.
func (r Reader) readPort(n *strictyaml.Node) *Message {
	m := &Message{Line: n.Line(), Column: n.Column()}
	text := n.Text()
	if n.Kind() != strictyaml.Number {
		text = r.NonEmptyString(n)
	}
	m.items = []item{{value: textValue([]byte(text))}}
	return m
}

// readDataExchange reads an exchange on a data connection, which opens no other one.
func (r Reader) readDataExchange(n *strictyaml.Node) Exchange {
	e := r.readExchange(n)
	if e.Connect != nil || e.Listen != "" || e.StartTLS {
		r.ReportError(n, "a data connection opens no other one, and begins TLS at once or not at all", "write tls: start beside to, and connect in an exchange of the dialogue itself")
	}
	return e
}

// readListen reads the name of a port that the server opens.
func (r Reader) readListen(n *strictyaml.Node) string {
	name := r.NonEmptyString(n)
	if name != "" && !isCaptureName(name) {
		r.ReportError(n, fmt.Sprintf("%q cannot be the name of a port", name), "use letters, digits and underscores; connection and run are reserved")
	}
	return name
}

var errNoPort = errors.New("it must be a port, such as 50000, or two numbers of PASV, such as 195,80")

// parsePort reads the number of a port, or the two numbers of FTP's PASV.
func parsePort(text string) (int, error) {
	high, low, pair := strings.Cut(strings.TrimSpace(text), ",")
	n, err := strconv.Atoi(strings.TrimSpace(high))
	if pair && err == nil {
		m, failed := strconv.Atoi(strings.TrimSpace(low))
		if failed != nil || n < 0 || n > 255 || m < 0 || m > 255 {
			return 0, fmt.Errorf("%q is told: %w", text, errNoPort)
		}
		n = n<<8 | m
	}
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is told: %w", text, errNoPort)
	}
	return n, nil
}

// portPair writes a port as FTP's PASV does.
func portPair(port int) string { return fmt.Sprintf("%d,%d", port>>8, port&0xff) }

// checkConnects looks at the data connections: at their ports, and at what is said on them.
func (c checker) checkConnects() {
	for i := range c.d.Exchanges {
		e := &c.d.Exchanges[i]
		if e.Connect == nil {
			continue
		}
		said := e.Connect.Said
		said.File, said.Volatile, said.outer = c.d.File, c.d.Volatile, c.d.keptNames()
		if len(e.Connect.To.VariableNames()) == 0 {
			if _, err := parsePort(string(e.Connect.To.items[0].value.data)); err != nil {
				c.reportBad(e.Connect.To, err.Error(), `write what was kept: to: "${port}"`)
			}
		}
		checker{dec: c.dec, d: said, root: said.node}.checkAll(said.endNode)
	}
}

// playableConnects adds why a side cannot play the data connections.
func (d *Dialogue) playableConnects(dec *strictyaml.Decoder, side event.Side) {
	server := side == event.Server
	opened := map[string]bool{}
	for _, e := range d.Exchanges {
		if e.Listen != "" {
			opened[e.Listen], opened[e.Listen+pairSuffix] = true, true
			if !server {
				dec.AddError(strictyaml.Error{File: d.File, Line: e.Line, Column: 1, Message: "listen is for a dialogue in which harness is the server",
					Hint: "expect a regular expression, and keep the port that the server tells"})
			}
		}
		if e.Connect == nil {
			continue
		}
		dec.AddError(e.Connect.Said.PlayableAs(side))
		names := e.Connect.To.VariableNames()
		if server && (len(names) != 1 || !opened[names[0]]) {
			dec.AddError(d.errorAt(e.Connect.To, "harness is the server here, and opens the port itself", `write "listen: port" in the exchange that tells ${port}, and here to: "${port}"`))
		}
	}
}

// ConnectionCount returns how many data connections the dialogue opens.
func (s *Script) ConnectionCount() int {
	return len(s.DataScripts())
}

// DataScripts returns what is said on each data connection, in order.
func (s *Script) DataScripts() []*Script {
	var all []*Script
	for _, step := range s.Steps {
		if step.Connect != nil {
			all = append(all, step.Connect.Script)
		}
	}
	return all
}

// withData returns the script with the given scripts on its data connections, in order.
func (s *Script) withData(all []*Script) *Script {
	next := *s
	next.Steps = slices.Clone(s.Steps)
	for i, step := range next.Steps {
		if step.Connect == nil || len(all) == 0 {
			continue
		}
		next.Steps[i].Connect = &DataStep{To: step.Connect.To, TLS: step.Connect.TLS, Script: all[0]}
		all = all[1:]
	}
	return &next
}

// A DataStep is the data connection of a step.
type DataStep struct {
	To     *Message // the port
	TLS    bool     // it begins with TLS
	Script *Script  // what is said on it
}

// resolveConnect fixes what is said on the data connection of an exchange.
func (s *Script) resolveConnect(e Exchange, step Step) (*DataStep, error) {
	if e.Connect == nil {
		return nil, nil
	}
	said, err := e.Connect.Said.resolveWith(step.seed.SplitBy("data connection"), s.words, s.word)
	return &DataStep{To: e.Connect.To, TLS: e.Connect.TLS, Script: said}, err
}

// listenNames returns the names that the port has which the exchange opens.
func (e Exchange) listenNames() []string {
	if e.Listen == "" {
		return nil
	}
	return []string{e.Listen, e.Listen + pairSuffix}
}

// leastLow is the least that the second number of a port of ours has, as PASV writes it: so
// all ports have as many digits, and every offset in a stream stays what it is.
const leastLow = 100

// placeholderPort returns what stands for a port until it is open: one that no program is
// given unless it asks for it (ip_local_port_range).
func placeholderPort(name string) int {
	sum := sha256.Sum256([]byte("port " + name))
	high, low := 240+int(sum[0])%15, leastLow+int(sum[1])%(256-leastLow)
	return high<<8 | low
}
