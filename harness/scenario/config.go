package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Config is what a harness.yaml says.
type Config struct {
	File    string             // name of the file
	Targets []Target           // what is tested, in order
	Hints   []strictyaml.Error // what there is a better word for
}

// LoadConfig reads a configuration and every dialogue that it names. All that
// is wrong with any of the files is in the error, with its place.
func LoadConfig(path string) (Config, error) {
	node, err := strictyaml.LoadFile(path)
	if err != nil {
		return Config{}, err
	}
	return decodeConfig(node, path, os.ReadFile)
}

// ParseConfig reads a configuration from text; read gives the text of the files
// that it names, relative to file's folder.
func ParseConfig(file string, text []byte, read func(path string) ([]byte, error)) (Config, error) {
	node, err := strictyaml.ParseText(file, text)
	if err != nil {
		return Config{}, err
	}
	return decodeConfig(node, file, read)
}

type configDecoder struct {
	strictyaml.Decoder
	file  string
	read  func(string) ([]byte, error)
	hints []strictyaml.Error
}

func decodeConfig(n *strictyaml.Node, file string, read func(string) ([]byte, error)) (Config, error) {
	d := &configDecoder{file: file, read: read}
	c := Config{File: file}
	seen := map[string]int{}
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"version": func(n *strictyaml.Node) { d.IntBetween(n, 1, 1) },
		"targets": func(n *strictyaml.Node) {
			d.EachItem(n, func(n *strictyaml.Node) {
				t := d.decodeTarget(n)
				if line, twice := seen[t.Name]; twice && t.Name != "" {
					d.ReportError(n, fmt.Sprintf("target %q is defined twice", t.Name), fmt.Sprintf("first in line %d; rename one", line))
				}
				seen[t.Name] = n.Line()
				c.Targets = append(c.Targets, t)
			})
			if len(c.Targets) == 0 && n.Kind() == strictyaml.List {
				d.ReportError(n, "no targets", "add at least one target")
			}
		},
	}, "version", "targets")
	c.Hints = d.hints
	return c, d.Err()
}

func (d *configDecoder) decodeTarget(n *strictyaml.Node) Target {
	t := Target{Dir: filepath.Dir(d.file)}
	failed := d.ErrorCount()
	var spoken *strictyaml.Node // the dialogue of the target, which is that of the peer it does not name
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"name":     func(n *strictyaml.Node) { t.Name = d.NonEmptyString(n) },
		"server":   func(n *strictyaml.Node) { t.Server = d.decodePeer(n, Server) },
		"client":   func(n *strictyaml.Node) { t.Client = d.decodePeer(n, Client) },
		"services": func(n *strictyaml.Node) { t.Services = d.decodeServices(n) },
		"test":     func(n *strictyaml.Node) { t.Test = Role(d.OneOf(n, "server", "client", "both")) },
		"policies": func(n *strictyaml.Node) { t.Policies = d.decodePolicies(n) },
		"state":    func(n *strictyaml.Node) { t.State = State(d.OneOf(n, states()...)) },
		"oracles":  func(n *strictyaml.Node) { t.Oracles = d.decodeOracles(n) },
		"tls":      func(n *strictyaml.Node) { t.TLS = d.decodeTLS(n) },
		"planted":  func(n *strictyaml.Node) { t.Planted = d.NonEmptyString(n) },
		"dialogue": func(n *strictyaml.Node) { spoken = n },
	}, "name")
	d.addOtherPeer(&t, spoken)
	if n.Kind() == strictyaml.Map && n.GetKey("server") == nil && n.GetKey("client") == nil {
		d.ReportError(n, "the target has no server and no client", "add server:, client: or both")
		return t
	}
	if t.Test == "" {
		t.Test = t.programRole()
	}
	if d.ErrorCount() == failed {
		if err := t.CheckConsistency(); errors.As(err, new(strictyaml.Errors)) {
			d.AddError(err)
		} else if err != nil {
			d.ReportError(n, err.Error(), "")
		}
	}
	return t
}

// programRole is the role of what is no dialogue: that is to be tested unless the target
// says otherwise.
func (t Target) programRole() Role {
	switch {
	case t.Client.Absent():
		return Server
	case t.Server.Absent():
		return Client
	case t.Server.Dialogue == nil && t.Client.Dialogue == nil:
		return Both
	case t.Client.Dialogue == nil:
		return Client
	}
	return Server
}

func (d *configDecoder) decodePeer(n *strictyaml.Node, role Role) Peer {
	var p Peer
	kinds := 0
	set := func(f func(*strictyaml.Node)) func(*strictyaml.Node) {
		return func(n *strictyaml.Node) { kinds++; f(n) }
	}
	fields := map[string]func(*strictyaml.Node){
		"command":  set(func(n *strictyaml.Node) { p.Command = d.decodeCommand(n) }),
		"address":  set(func(n *strictyaml.Node) { p.Address = resolvePath(d.NonEmptyString(n), filepath.Dir(d.file)) }),
		"dialogue": set(func(n *strictyaml.Node) { p.Dialogue = d.decodeDialogue(n) }),
		"network":  func(n *strictyaml.Node) { d.decodeNetwork(n, &p) },
		"ready":    func(n *strictyaml.Node) { p.Ready = d.decodeReady(n) },
		"transport": func(n *strictyaml.Node) {
			p.Transport = Transport(d.OneOf(n, transportNames()...))
		},
		"listen":      func(n *strictyaml.Node) { p.Listen = d.decodeListen(n, role) },
		"connects_to": func(n *strictyaml.Node) { p.ConnectsTo = d.decodeConnectsTo(n, role) },
		"scope":       func(n *strictyaml.Node) { p.Scope = Scope(d.OneOf(n, "suite", "scenario")) },
		"env":         func(n *strictyaml.Node) { p.Env = d.decodeEnv(n) },
	}
	if key := shortPeerKey(n); key != "" {
		fields[key](n)
		return p
	}
	d.DecodeFields(n, fields)
	if kinds != 1 && n.Kind() == strictyaml.Map {
		d.ReportError(n, fmt.Sprintf("the %s is described %d times", role, kinds), "give exactly one of command, address, dialogue")
	}
	return p
}

// decodeListen reads an address of this host.
func (d *configDecoder) decodeListen(n *strictyaml.Node, role Role) string {
	text := d.NonEmptyString(n)
	at, err := netip.ParseAddr(text)
	switch {
	case text == "":
	case role != Server:
		d.ReportError(n, "a client does not listen", "write listen in the server, which the harness is to the client")
	case err != nil || !at.IsLoopback():
		d.ReportError(n, fmt.Sprintf("%q is no loopback address", text), `write 127.0.0.1 or "::1"`)
	}
	return text
}

// decodeNetwork reads what is called transport now.
func (d *configDecoder) decodeNetwork(n *strictyaml.Node, p *Peer) {
	word := d.OneOf(n, string(TCP), string(UDP))
	if word != "" && p.Transport == "" {
		p.Transport = Transport(word)
	}
	d.hints = append(d.hints, strictyaml.Error{File: n.File(), Line: n.Line(), Column: n.Column(),
		Message: "network is called transport now", Hint: "write transport: " + word})
}

func (d *configDecoder) decodeReady(n *strictyaml.Node) peer.Ready {
	var r peer.Ready
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"log": func(n *strictyaml.Node) {
			r.Log = d.NonEmptyString(n)
			if _, err := regexp.Compile(r.Log); err != nil {
				d.ReportError(n, err.Error(), "")
			}
		},
		"exec": func(n *strictyaml.Node) { r.Exec = d.StringList(n) },
	})
	return r
}

// decodeDialogue reads the named file and checks it; what is wrong with it is told
// with its own places.
func (d *configDecoder) decodeDialogue(n *strictyaml.Node) *Source {
	name := d.NonEmptyString(n)
	if name == "" {
		return nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.file), name)
	}
	text, err := d.read(path)
	if err != nil {
		d.ReportError(n, fmt.Sprintf("dialogue %s cannot be read: %v", name, err), "")
		return nil
	}
	s := &Source{File: path, Text: text}
	d.AddError(s.Check())
	return s
}

// CheckConsistency tells what about a target contradicts itself. The error may be that of
// its dialogue, with its places.
func (t Target) CheckConsistency() error {
	server, client := t.Server, t.Client
	switch {
	case client.Address != "":
		return errors.New("a client cannot be an address, because it connects; give a command or a dialogue")
	case t.TestsRole(Server) && server.Absent():
		return errors.New("test: server, but the target has no server; add the key server")
	case t.TestsRole(Client) && client.Absent():
		return errors.New("test: client, but the target has no client; add the key client")
	case t.TestsRole(Server) && server.Dialogue != nil:
		return errors.New("the server under test is a dialogue; give it a command or an address")
	case t.TestsRole(Client) && client.Dialogue != nil:
		return errors.New("the client under test is a dialogue; give it a command")
	}
	if err := t.checkTransport(); err != nil {
		return err
	}
	if err := t.checkServices(); err != nil {
		return err
	}
	if err := t.checkConnects(); err != nil {
		return err
	}
	if server.Dialogue == nil {
		return playableClient(client)
	}
	d, err := server.Dialogue.ParseDialogue()
	if err != nil {
		return nil // told where the dialogue was read
	}
	return d.PlayableAs(event.Server)
}

// playableClient tells what of a client's dialogue the harness cannot play.
func playableClient(client Peer) error {
	if client.Dialogue == nil {
		return nil
	}
	d, err := client.Dialogue.ParseDialogue()
	if err != nil {
		return nil // told where the dialogue was read
	}
	return d.PlayableAs(event.Client)
}
