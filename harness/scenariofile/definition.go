// Package scenariofile reads scenario files and makes scenarios of them.
//
// A file holds one scenario or a list of them, in YAML. [ParseFile] reads one file,
// [FindFiles] all files below some paths; each [Definition] turns into a value that the
// runner plays like a built-in scenario:
//
//	set, err := scenariofile.FindFiles(os.Stdin, "scenarios/", "one.yaml")
//	for _, d := range set.Definitions {
//		s := d.CompileScenario()
//		...
//	}
//
// Everything that is wrong with any of the files is in the one error, each with
// its file, line and column.
package scenariofile

import (
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Definition is one scenario as it is written down.
type Definition struct {
	ID        string        `json:"scenario" jsonschema:"required,description=Name of the scenario: topic/name."`
	Title     string        `json:"title,omitempty" jsonschema:"description=One line: what a correct peer does."`
	Why       string        `json:"why,omitempty" jsonschema:"description=Why it matters and what breaks."`
	Ref       string        `json:"ref,omitempty" jsonschema:"description=RFC or manual page or issue."`
	Role      scenario.Role `json:"role,omitempty" jsonschema:"enum=server,enum=client,enum=both,default=server,description=Who is under test."`
	Level     outcome.Level `json:"level,omitempty" jsonschema:"enum=must,enum=should,enum=may,enum=info,default=must,description=What a violation costs."`
	Targets   Names         `json:"targets,omitempty" jsonschema:"description=Globs of targets. Default: every target that fits the role."`
	Needs     Needs         `json:"needs,omitempty" jsonschema:"description=Policies that the target must declare."`
	Framing   *Framing      `json:"framing,omitempty" jsonschema:"description=Where a message ends. Default: the framing of the target's dialogue; else line."`
	Transport Transport     `json:"transport,omitempty" jsonschema:"enum=tcp,enum=tls,enum=unix,enum=pipes,enum=socketpair,enum=udp,description=Only targets of this transport. Default: every transport that carries a stream. With udp each send and each expect is one datagram."`
	Steps     []Step        `json:"steps,omitempty" jsonschema:"description=What happens in order. Default: the exchanges of the target's dialogue."`
	Faults    []Fault       `json:"faults,omitempty" jsonschema:"description=Toxics and where each one strikes."`
	Sweep     *Sweep        `json:"sweep,omitempty" jsonschema:"description=One variant for each place."`
	Found     *Found        `json:"finding,omitempty" jsonschema:"description=Notes of harness explore."`

	Node     *strictyaml.Node   `json:"-"` // where it is written
	Warnings []strictyaml.Error `json:"-"` // what is odd and no error
}

// A Transport is what carries what the steps say.
type Transport string

// The transports. The zero Transport is each that carries a stream.
const (
	TCP        Transport = "tcp"
	TLS        Transport = "tls"
	Unix       Transport = "unix"
	Pipes      Transport = "pipes"
	Socketpair Transport = "socketpair"
	UDP        Transport = "udp"
)

// carriers are the transports of the targets that the scenario is for.
func (t Transport) carriers() []scenario.Transport {
	switch t {
	case "":
		return scenario.Transports()
	case UDP: // on a server of TCP too, which may take datagrams at the same port
		return []scenario.Transport{scenario.TCP, scenario.UDP}
	}
	return []scenario.Transport{scenario.Transport(t)}
}

// A Step is one thing that happens, or that must. One field is set.
type Step struct {
	Name     string     // of the connection that Action is about
	Action   *Action    // what the connection does; nil: another field is set
	Boundary bool       // wait until what was sent is read
	Together [][]Step   // lanes that run side by side
	Repeat   *Repeat    // steps that run several times
	Process  *Treatment // what is done to a program
	Proxy    *Change    // what the proxy does from here on
	Check    *Check     // what must be true here

	Node *strictyaml.Node // where it is written
}

// A Repeat is steps that are played several times.
type Repeat struct {
	Times int    `json:"times" jsonschema:"required,minimum=1,maximum=1000000"` // how often
	Steps []Step `json:"steps" jsonschema:"required"`                           // what is repeated
}

// An Action is what the played side does on a connection. Several are done in the
// order of the fields.
type Action struct {
	Connect  bool              // connect and send nothing
	Accept   bool              // accept a connection
	Send     *dialogue.Message // what is sent; nil: nothing
	Shutdown bool              // of the direction that the played side writes
	Close    bool              // close the connection
	Reset    bool              // reset the connection
	Expect   *Expect           // what must come; nil: nothing is awaited

	Node *strictyaml.Node // where it is written
}

// An Expect is what must happen on a connection.
type Expect struct {
	Options []Option          // the first one that fits counts
	Within  time.Duration     // 0: the budget of the run
	For     time.Duration     // of silence
	Keep    dialogue.Captures // groups of the regular expression that are kept
	Node    *strictyaml.Node  // where it is written
}

// An Option is one of the alternatives of an Expect.
type Option struct {
	Ending  Ending            // "" for bytes
	Message *dialogue.Message // bytes that must come; nil: an ending
	Node    *strictyaml.Node  // where it is written
}

// An Ending is a way in which a connection can end, or not.
type Ending string

// The endings. Closed is EOF or Reset, Silence is that nothing happens.
const (
	EOF     Ending = "eof"
	Reset   Ending = "reset"
	Refused Ending = "refused"
	Closed  Ending = "closed"
	Silence Ending = "silence"
)

// AllEndings lists them in the order of pages.
func AllEndings() []Ending { return []Ending{EOF, Reset, Refused, Closed, Silence} }
