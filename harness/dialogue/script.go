package dialogue

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	rand2 "math/rand/v2"
	"regexp"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/seed"
)

// A Script is a dialogue whose payloads are fixed: what is on the wire. It does
// not change and may be played by many at once.
type Script struct {
	Name     string           // name of the dialogue
	File     string           // of the dialogue; for messages
	Framing  Framing          // where messages end
	Greeting Pattern          // nil: the client speaks first
	Steps    []Step           // the exchanges, with all bytes resolved
	End      End              // which side ends the conversation, and how
	Partial  bool             // the dialogue goes on after these steps; the client leaves early
	Volatile []*regexp.Regexp // bytes that may differ from run to run
	Tag      *regexp.Regexp   // answers come in any order, tied to their requests by this; nil: in order
	Skip     []*regexp.Regexp // messages of the server that are left out

	greetingKeep Captures
	dynamic      bool              // it writes what it has received before
	placeholders map[string]string // of what is kept, by name, until it is
	values       *capturedValues   // kept on this connection; nil: not played yet
	words        *Keys
	spoken       string // what ${connection} stands for

	dataHost   string       // of data connections; empty: that of the first connection
	secureData dataSecurity // puts TLS on those that begin with it; nil: somebody else does
	datagrams  bool         // each message is a datagram

	keys *Keys  // of the words that stand for ${connection}; nil: they are fixed
	word string // that stands for ${connection} in these steps; empty: there is none
}

// A Step is one exchange. Send and Expect may each be empty.
type Step struct {
	Send          []byte        // what the client sends, framed
	Expect        Pattern       // what the server answers, framed
	ShutdownWrite bool          // the client half-closes after Send
	Within        time.Duration // how long the reply may take; 0: no limit of its own
	Continues     *bool         // the request goes on in the next step; nil: the dialogue does not say
	Once          bool          // the request is sent once on a connection
	Line          int           // of the dialogue's file; 0: not from a file
	Receive       Pattern       // what a server receives, where the request is described; nil: Send
	Connect       *DataStep     // a second connection, opened before Send; nil: none
	Listen        string        // name of the port that a server opens before Expect; empty: none

	keepSent, keepExpected Captures
	source                 *messageSource // nil: the bytes depend on nothing that is received
	seed                   seed.Source
}

// random returns the source of the step's random bytes, from its beginning.
func (s Step) random() *rand2.Rand { return s.seed.NewRand() }

// GoesOn reports whether the dialogue says that the request goes on in the next
// step: a client that ends after this one has cut its request off.
func (s Step) GoesOn() bool { return s.Continues != nil && *s.Continues }

// sentBefore returns the requests that are answered in a step: all that was sent since
// the last answer. What a server receives, and a greeting, answers nothing.
func (s *Script) sentBefore(side event.Side, step int) []byte {
	if side != event.Client || step < 0 || step >= len(s.Steps) {
		return nil
	}
	first := step
	for first > 0 && len(s.Steps[first-1].Expect) == 0 {
		first--
	}
	if first == step {
		return s.Steps[step].Send
	}
	return (&Script{Steps: s.Steps[first : step+1]}).RequestBytes()
}

// ResolveScript fixes the payloads. The same seed gives the same script. The n-th
// {random: …} of an exchange's send and of its expect are the same bytes if they
// have the same size, so that an echo can be written down.
func (d *Dialogue) ResolveScript(seed seed.Source) (*Script, error) {
	return d.ScriptWithKeys(seed, NewKeys(rand.Text()))
}

// ScriptWithKeys is [Dialogue.ResolveScript] with the words that stand for ${run} and
// ${connection}.
func (d *Dialogue) ScriptWithKeys(seed seed.Source, keys *Keys) (*Script, error) {
	if !d.Distinct() {
		return d.resolveWith(seed, keys, "")
	}
	s, err := d.resolveWith(seed, keys, keys.Connection())
	if err == nil {
		s.keys = keys
	}
	return s, err
}

// resolveWith fixes the payloads. Word is what ${connection} stands for; empty where the
// dialogue does not write it.
func (d *Dialogue) resolveWith(seed seed.Source, keys *Keys, word string) (*Script, error) {
	if _, rest := d.SplitTLS(); rest != d && len(rest.Exchanges) > 0 {
		return nil, errStartTLS
	}
	s := &Script{Name: d.Name, File: d.File, Framing: d.Framing, End: d.End, Volatile: d.Volatile, Tag: d.Order.Tag, Skip: d.Skip}
	s.word, s.words, s.spoken = word, keys, word
	s.greetingKeep = d.GreetingKeep
	s.placeholders, s.dynamic = d.placeholders(), len(d.keptNames()) > 0
	lookup := s.lookupWith(nil)
	var err error
	if s.Greeting, err = d.resolvePattern(d.Greeting, seed.SplitBy("greeting"), lookup); err != nil {
		return nil, fmt.Errorf("%s greeting: %w", d.File, err)
	}
	for i, e := range d.Exchanges {
		source := seed.SplitBy("exchange").SplitN(uint64(i))
		step := Step{ShutdownWrite: e.ShutdownWrite, Within: e.Within, Continues: e.Continues, Once: e.Once, Line: e.Line,
			Listen: e.Listen, keepSent: e.keepSent, keepExpected: e.keepExpected, seed: source}
		if e.Send != nil {
			sent, err := e.Send.ExpandPattern(d.Framing.FromClient(), source.NewRand(), lookup)
			switch {
			case err == nil && e.Send.isLiteral():
				step.Send, err = sent.SentBytes()
			case err == nil:
				step.Receive = sent
			}
			if err != nil {
				return nil, fmt.Errorf("%s:%d send: %w", d.File, e.Line, err)
			}
		}
		if step.Expect, err = d.resolvePattern(e.Expect, source, lookup); err != nil {
			return nil, fmt.Errorf("%s:%d expect: %w", d.File, e.Line, err)
		}
		if s.dynamic {
			step.source = &messageSource{send: e.Send, expect: e.Expect, sent: step.Send, expected: step.Expect}
		}
		if e.Connect != nil && e.Continues == nil && i+1 < len(d.Exchanges) && d.Exchanges[i+1].Send == nil {
			goesOn := true // the server has more to say of what was said there
			step.Continues = &goesOn
		}
		if step.Connect, err = s.resolveConnect(e, step); err != nil {
			return nil, err
		}
		s.Steps = append(s.Steps, step)
	}
	return s, nil
}

// placeholders are words that stand for what is kept until it is, by name: such as no
// message has.
func (d *Dialogue) placeholders() map[string]string {
	all := map[string]string{}
	for name := range d.keptNames() {
		sum := sha256.Sum256([]byte("kept " + name))
		all[name] = keyWord(binary.BigEndian.Uint64(sum[:]))
	}
	for _, e := range d.Exchanges {
		if e.Listen != "" {
			port := placeholderPort(e.Listen)
			all[e.Listen], all[e.Listen+pairSuffix] = strconv.Itoa(port), portPair(port)
		}
	}
	return all
}

func (d *Dialogue) resolvePattern(m *Message, source seed.Source, lookup Lookup) (Pattern, error) {
	if m == nil {
		return nil, nil
	}
	return m.ExpandPattern(d.Framing, source.NewRand(), lookup)
}
