package scenario

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Service is a program that those of a target need, such as a database. It is started
// before them, and ended after them. It is not under test.
type Service struct {
	Name    string     `json:"name" jsonschema:"required,description=Word by which commands of the target name the service: {db.port} {db.host} {db.addr} {db.path}."`
	Command []string   `json:"command" jsonschema:"required,description=Program with its arguments; {host} {port} {addr} {path} {tmp} and the words of services before it are replaced."`
	Ready   peer.Ready `json:"ready,omitzero" jsonschema:"description=Sign that the service is ready\\, besides its LISTEN socket."`
	Env     []string   `json:"env,omitempty" jsonschema:"description=Environment variables."`
}

// ServerCommand returns the command of the service with the network that it listens on.
func (s Service) ServerCommand(dir string) peer.Command {
	c := peer.Command{Args: s.Command, Dir: dir, Env: s.Env, Ready: s.Ready}
	if c.TakesPath() {
		c.Network = "unix"
	}
	return c
}

var (
	serviceName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	serviceWord = regexp.MustCompile(`\{([a-z][a-z0-9_-]*)\.(port|host|addr|path)\}`)
)

func (d *configDecoder) decodeServices(n *strictyaml.Node) []Service {
	var all []Service
	d.EachItem(n, func(n *strictyaml.Node) {
		s := d.decodeService(n)
		if slices.ContainsFunc(all, func(before Service) bool { return before.Name == s.Name && s.Name != "" }) {
			d.ReportError(n, fmt.Sprintf("service %q is defined twice", s.Name), "rename one")
		}
		all = append(all, s)
	})
	return all
}

func (d *configDecoder) decodeService(n *strictyaml.Node) (s Service) {
	d.DecodeFields(n, map[string]func(*strictyaml.Node){
		"name": func(n *strictyaml.Node) {
			if s.Name = d.NonEmptyString(n); s.Name != "" && !serviceName.MatchString(s.Name) {
				d.ReportError(n, fmt.Sprintf("%q cannot be the name of a service", s.Name), "use lower case letters, digits, - and _")
			}
		},
		"command": func(n *strictyaml.Node) { s.Command = d.decodeCommand(n) },
		"ready":   func(n *strictyaml.Node) { s.Ready = d.decodeReady(n) },
		"env":     func(n *strictyaml.Node) { s.Env = d.decodeEnv(n) },
	}, "name", "command")
	return s
}

// decodeCommand reads a program and its arguments: a list, or one line.
func (d *configDecoder) decodeCommand(n *strictyaml.Node) []string {
	command := d.StringList(n)
	if len(command) == 1 && n.Kind() == strictyaml.Text {
		words, err := peer.ParseCommand(command[0])
		if err != nil {
			d.ReportError(n, err.Error(), "")
		}
		command = words
	}
	if len(command) == 0 || command[0] == "" {
		d.ReportError(n, "an empty command", "")
	}
	return command
}

// decodeEnv reads environment variables.
func (d *configDecoder) decodeEnv(n *strictyaml.Node) (env []string) {
	d.EachPair(n, func(k, v *strictyaml.Node) { env = append(env, k.Text()+"="+d.String(v)) })
	return env
}

// checkServices finds words of services that there are not, or that are started later.
func (t Target) checkServices() error {
	known := map[string]bool{}
	for _, s := range t.Services {
		if err := checkServiceWords("the command of service "+s.Name, known, s.Command, s.Env); err != nil {
			return err
		}
		known[s.Name] = true
	}
	for role, p := range map[Role]Peer{Server: t.Server, Client: t.Client} {
		if err := checkServiceWords(fmt.Sprintf("the %s's command", role), known, p.Command, p.Env); err != nil {
			return err
		}
	}
	return nil
}

func checkServiceWords(who string, known map[string]bool, lists ...[]string) error {
	for _, word := range slices.Concat(lists...) {
		for _, m := range serviceWord.FindAllStringSubmatch(word, -1) {
			if !known[m[1]] {
				return fmt.Errorf("%s has %s, and no service %s is started before it; add it to services", who, m[0], m[1])
			}
		}
	}
	return nil
}
