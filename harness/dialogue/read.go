package dialogue

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/strictyaml"
)

// A Reader reads bytes as they are written in files: a string, {hex: …}, a
// list, and so on. Scenario files share it.
type Reader struct {
	*strictyaml.Decoder
	Folder string // what {file: …} is relative to
}

var bytesForms = append([]string{"text", "message", "command", "hex", "base64", "repeat", "random", "file"}, integerForms()...)

// ReadSend reads bytes to be sent.
func (r Reader) ReadSend(n *strictyaml.Node) *Message {
	m := &Message{Line: n.Line(), Column: n.Column(), items: []item{{value: r.readValue(n)}}}
	return m
}

// ReadExpect reads what is expected: bytes, or {regex: …} or {any: true} for one
// message of the framing, or a list of these.
func (r Reader) ReadExpect(n *strictyaml.Node) *Message {
	m := &Message{Line: n.Line(), Column: n.Column()}
	if n.Kind() != strictyaml.List {
		m.items = []item{r.readItem(n)}
		return m
	}
	r.EachItem(n, func(n *strictyaml.Node) { m.items = append(m.items, r.readItem(n)) })
	return m
}

// readRequest reads what a client sends: bytes, or with {regex: …} what a client under
// test sends.
func (r Reader) readRequest(n *strictyaml.Node) *Message {
	if n.Kind() == strictyaml.Map && n.GetKey("regex") != nil {
		return r.ReadExpect(n)
	}
	return r.ReadSend(n)
}

// readOneOf reads {one_of: [A, B]}.
func (r Reader) readOneOf(n *strictyaml.Node) item {
	var it item
	r.EachItem(n, func(n *strictyaml.Node) { it.oneOf = append(it.oneOf, r.ReadExpect(n)) })
	if n.Kind() == strictyaml.List && len(it.oneOf) < 2 {
		r.ReportError(n, "one_of needs at least two alternatives", "write {one_of: [A, B]}")
	}
	if it.oneOf == nil {
		it.oneOf = []*Message{}
	}
	return it
}

func (r Reader) readItem(n *strictyaml.Node) item {
	if n.Kind() == strictyaml.Map && (n.GetKey("regex") != nil || n.GetKey("any") != nil || n.GetKey("one_of") != nil) {
		switch key, v := r.SingleKnownKey(n, append([]string{"regex", "any", "one_of"}, bytesForms...)...); key {
		case "one_of":
			return r.readOneOf(v)
		case "regex":
			return item{regex: r.CompileRegexp(v)}
		case "any":
			if !r.Bool(v) {
				r.ReportError(v, "any must be true", "remove it to expect nothing")
			}
			return item{any: true}
		}
		return item{}
	}
	return item{value: r.readValue(n)}
}

func (r Reader) readValue(n *strictyaml.Node) value {
	switch n.Kind() {
	case strictyaml.List:
		v := value{form: list}
		r.EachItem(n, func(n *strictyaml.Node) { v.of = append(v.of, r.readValue(n)) })
		return v
	case strictyaml.Map:
		return r.readForm(n)
	}
	return r.readText(n)
}

func (r Reader) readForm(n *strictyaml.Node) value {
	if n.GetKey("repeat") != nil {
		return r.readRepeat(n)
	}
	if n.GetKey("header") != nil {
		return r.readFramed(n)
	}
	switch key, v := r.SingleKnownKey(n, bytesForms...); key {
	case "text":
		return r.readText(v)
	case "message":
		return value{form: framed, of: []value{r.readValue(v)}}
	case "command":
		return r.readCommand(v)
	case "hex":
		return r.readDecoded(v, "hexadecimal digits", hex.DecodeString)
	case "base64":
		return r.readDecoded(v, "base64", base64.StdEncoding.DecodeString)
	case "random":
		return value{form: random, count: r.ParseSize(v, MaxBytes)}
	case "file":
		return value{data: r.readFile(v)}
	case "":
		return value{}
	default:
		return r.readInteger(key, v)
	}
}

// readFramed reads {message: …, header: …}.
func (r Reader) readFramed(n *strictyaml.Node) value {
	v := value{form: framed}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"message": func(n *strictyaml.Node) { v.of = []value{r.readValue(n)} },
		"header":  func(n *strictyaml.Node) { head := r.readValue(n); v.head = &head },
	}, "message")
	return v
}

// readCommand reads the words of a RESP command. A word may be written as a number.
func (r Reader) readCommand(n *strictyaml.Node) value {
	v := value{form: command}
	r.EachItem(n, func(n *strictyaml.Node) {
		if k := n.Kind(); k == strictyaml.Number || k == strictyaml.Truth {
			v.of = append(v.of, value{data: []byte(n.Text())})
			return
		}
		v.of = append(v.of, r.readValue(n))
	})
	if n.Kind() == strictyaml.List && len(v.of) == 0 {
		r.ReportError(n, "a command without words", "write {command: [PING]}")
	}
	return v
}

func (r Reader) readRepeat(n *strictyaml.Node) value {
	v := value{form: repeat}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"repeat": func(n *strictyaml.Node) { v.of = []value{r.readValue(n)} },
		"times":  func(n *strictyaml.Node) { v.count = r.IntBetween(n, 1, MaxBytes) },
	}, "times")
	return v
}

// readDecoded leaves out blanks and line ends, which only group the digits. An
// unquoted 0005 is a number to YAML and digits to us.
func (r Reader) readDecoded(n *strictyaml.Node, what string, decode func(string) ([]byte, error)) value {
	if k := n.Kind(); k != strictyaml.Text && k != strictyaml.Number {
		r.String(n)
		return value{}
	}
	b, err := decode(strings.Join(strings.Fields(n.Text()), ""))
	if err != nil {
		r.ReportError(n, fmt.Sprintf("not %s: %v", what, err), "")
	}
	return value{data: b}
}

func (r Reader) readFile(n *strictyaml.Node) []byte {
	path := r.NonEmptyString(n)
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Folder, path)
	}
	b, err := readRegular(path)
	if err != nil {
		r.ReportError(n, fmt.Sprintf("file cannot be read: %v", err), "the path is relative to the folder of this file")
	}
	return b
}

// readRegular refuses what is no regular file, because a pipe or a terminal may
// never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil && len(b) > MaxBytes {
		return nil, errTooLarge
	}
	return b, err
}

// readGreeting reads bytes, or {expect: …, keep: …}.
func (r Reader) readGreeting(n *strictyaml.Node) (*Message, Captures) {
	if n.Kind() != strictyaml.Map || n.GetKey("expect") == nil && n.GetKey("keep") == nil {
		return r.ReadExpect(n), nil
	}
	var m *Message
	var keep Captures
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"expect": func(n *strictyaml.Node) { m = r.ReadExpect(n) },
		"keep":   func(n *strictyaml.Node) { keep = r.ReadCaptures(n) },
	}, "expect")
	return m, keep
}

func (r Reader) readExchange(n *strictyaml.Node) Exchange {
	e := Exchange{Line: n.Line()}
	r.DecodeFields(n, map[string]func(*strictyaml.Node){
		"send":      func(n *strictyaml.Node) { e.Send = r.readRequest(n) },
		"expect":    func(n *strictyaml.Node) { e.Expect = r.ReadExpect(n) },
		"shutdown":  func(n *strictyaml.Node) { e.ShutdownWrite = r.OneOf(n, "write") == "write" },
		"within":    func(n *strictyaml.Node) { e.Within = r.ParseDuration(n) },
		"keep":      func(n *strictyaml.Node) { e.Keep = r.ReadCaptures(n) },
		"continues": func(n *strictyaml.Node) { v := r.Bool(n); e.Continues = &v },
		"once":      func(n *strictyaml.Node) { e.Once = r.Bool(n) },
		"tls":       func(n *strictyaml.Node) { e.StartTLS = r.readStartTLS(n) },
		"connect":   func(n *strictyaml.Node) { e.Connect = r.readConnect(n) },
		"listen":    func(n *strictyaml.Node) { e.Listen = r.readListen(n) },
	})
	if n.Kind() == strictyaml.Map && n.GetKey("send") == nil && n.GetKey("expect") == nil && n.GetKey("shutdown") == nil && n.GetKey("connect") == nil {
		r.ReportError(n, "the exchange is empty", "give it send, expect, shutdown or connect")
	}
	if n.GetKey("within") != nil && n.GetKey("expect") == nil {
		r.ReportError(n.GetKey("within"), "within without expect", "it is the time limit of the reply")
	}
	return e
}

func (r Reader) readEnd(n *strictyaml.Node) End {
	text := r.OneOf(n, ends[:]...)
	for e, known := range ends {
		if text == known {
			return End(e)
		}
	}
	return ClientCloses
}

func (r Reader) readVolatile(n *strictyaml.Node) []*regexp.Regexp {
	return r.readExpressions(n, "the regular expression matches the empty string")
}

// readExpressions reads regular expressions. What is wrong with one that matches the empty
// string, empty says.
func (r Reader) readExpressions(n *strictyaml.Node, empty string) []*regexp.Regexp {
	var all []*regexp.Regexp
	r.EachItem(n, func(n *strictyaml.Node) {
		re := r.CompileRegexp(n)
		if re != nil && re.MatchString("") {
			r.ReportError(n, empty, "change it so that it matches at least one byte")
		}
		all = append(all, re)
	})
	return all
}
