package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/sockharness/harness/harness/document"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// A Config is what a harness.yaml says.
type Config struct {
	File    string
	Targets []Target
}

// LoadConfig reads a configuration and every dialogue that it names. All that
// is wrong with any of the files is in the error, with its place.
func LoadConfig(path string) (Config, error) {
	node, err := document.Load(path)
	if err != nil {
		return Config{}, err
	}
	return decodeConfig(node, path, os.ReadFile)
}

// ParseConfig reads a configuration from text; read gives the text of the files
// that it names, relative to file's folder.
func ParseConfig(file string, text []byte, read func(path string) ([]byte, error)) (Config, error) {
	node, err := document.Parse(file, text)
	if err != nil {
		return Config{}, err
	}
	return decodeConfig(node, file, read)
}

type configDecoder struct {
	document.Decoder
	file string
	read func(string) ([]byte, error)
}

func decodeConfig(n *document.Node, file string, read func(string) ([]byte, error)) (Config, error) {
	d := &configDecoder{file: file, read: read}
	c := Config{File: file}
	seen := map[string]int{}
	d.Fields(n, map[string]func(*document.Node){
		"version": func(n *document.Node) { d.Int(n, 1, 1) },
		"targets": func(n *document.Node) {
			d.List(n, func(n *document.Node) {
				t := d.target(n)
				if line, twice := seen[t.Name]; twice && t.Name != "" {
					d.Report(n, fmt.Sprintf("target %q is there twice", t.Name), fmt.Sprintf("first in line %d; rename one", line))
				}
				seen[t.Name] = n.Line()
				c.Targets = append(c.Targets, t)
			})
			if len(c.Targets) == 0 && n.Kind() == document.List {
				d.Report(n, "no targets", "describe at least one")
			}
		},
	}, "version", "targets")
	return c, d.Err()
}

func (d *configDecoder) target(n *document.Node) Target {
	t := Target{Dir: filepath.Dir(d.file)}
	failed := d.Failed()
	d.Fields(n, map[string]func(*document.Node){
		"name":     func(n *document.Node) { t.Name = d.Word(n) },
		"server":   func(n *document.Node) { t.Server = d.peer(n, Server) },
		"client":   func(n *document.Node) { t.Client = d.peer(n, Client) },
		"test":     func(n *document.Node) { t.Test = Role(d.OneOf(n, "server", "client", "both")) },
		"policies": func(n *document.Node) { t.Policies = d.policies(n) },
		"oracles":  func(n *document.Node) { t.Oracles = d.oracles(n) },
		"planted":  func(n *document.Node) { t.Planted = d.Word(n) },
	}, "name", "server", "client")
	if t.Test == "" {
		t.Test = t.programs()
	}
	if d.Failed() == failed {
		if err := t.Check(); errors.As(err, new(document.Errors)) {
			d.Add(err)
		} else if err != nil {
			d.Report(n, err.Error(), "")
		}
	}
	return t
}

// programs is the role of what is no dialogue: that is to be tested unless the target
// says otherwise.
func (t Target) programs() Role {
	switch {
	case t.Server.Dialogue == nil && t.Client.Dialogue == nil:
		return Both
	case t.Client.Dialogue == nil:
		return Client
	}
	return Server
}

func (d *configDecoder) peer(n *document.Node, role Role) Peer {
	var p Peer
	kinds := 0
	set := func(f func(*document.Node)) func(*document.Node) {
		return func(n *document.Node) { kinds++; f(n) }
	}
	d.Fields(n, map[string]func(*document.Node){
		"command": set(func(n *document.Node) {
			if p.Command = d.Strings(n); len(p.Command) == 1 && n.Kind() == document.Text {
				words, err := peer.ParseCommand(p.Command[0])
				if err != nil {
					d.Report(n, err.Error(), "")
				}
				p.Command = words
			}
			if len(p.Command) == 0 || p.Command[0] == "" {
				d.Report(n, "an empty command", "")
			}
		}),
		"address":  set(func(n *document.Node) { p.Address = d.Word(n) }),
		"dialogue": set(func(n *document.Node) { p.Dialogue = d.dialogue(n) }),
		"ready":    func(n *document.Node) { p.Ready = d.ready(n) },
		"scope":    func(n *document.Node) { p.Scope = Scope(d.OneOf(n, "suite", "scenario")) },
		"env": func(n *document.Node) {
			d.Pairs(n, func(k, v *document.Node) { p.Env = append(p.Env, k.Text()+"="+d.String(v)) })
		},
	})
	if kinds != 1 && n.Kind() == document.Map {
		d.Report(n, fmt.Sprintf("the %s is described %d times", role, kinds), "give exactly one of command, address, dialogue")
	}
	return p
}

func (d *configDecoder) ready(n *document.Node) peer.Ready {
	var r peer.Ready
	d.Fields(n, map[string]func(*document.Node){
		"log": func(n *document.Node) {
			r.Log = d.Word(n)
			if _, err := regexp.Compile(r.Log); err != nil {
				d.Report(n, err.Error(), "")
			}
		},
		"exec": func(n *document.Node) { r.Exec = d.Strings(n) },
	})
	return r
}

// dialogue reads the named file and checks it; what is wrong with it is told
// with its own places.
func (d *configDecoder) dialogue(n *document.Node) *Source {
	name := d.Word(n)
	if name == "" {
		return nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.file), name)
	}
	text, err := d.read(path)
	if err != nil {
		d.Report(n, fmt.Sprintf("dialogue %s cannot be read: %v", name, err), "")
		return nil
	}
	s := &Source{File: path, Text: text}
	if _, err := s.Parse(); err != nil {
		d.Add(err)
	}
	return s
}

// Check tells what about a target contradicts itself. The error may be that of
// its dialogue, with its places.
func (t Target) Check() error {
	server, client := t.Server, t.Client
	switch {
	case client.Address != "":
		return errors.New("a client connects, so it has no address")
	case t.Tests(Server) && server.Dialogue != nil:
		return errors.New("the server under test is a dialogue that the harness plays itself")
	case t.Tests(Client) && client.Dialogue != nil:
		return errors.New("the client under test is a dialogue that the harness plays itself")
	case server.Dialogue == nil:
		return nil
	}
	d, err := server.Dialogue.Parse()
	if err != nil {
		return nil // told where the dialogue was read
	}
	return d.PlayableAs(event.Server)
}
