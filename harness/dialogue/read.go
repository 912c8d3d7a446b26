package dialogue

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/document"
)

// A Reader reads bytes as they are written in files: a string, {hex: …}, a
// list, and so on. Scenario files share it.
type Reader struct {
	*document.Decoder
	Folder string // what {file: …} is relative to
}

var bytesForms = []string{"message", "hex", "base64", "repeat", "random", "file"}

// Send reads bytes to be sent.
func (r Reader) Send(n *document.Node) *Message {
	m := &Message{Line: n.Line(), Column: n.Column(), items: []item{{value: r.value(n)}}}
	return m
}

// Expect reads what is expected: bytes, or {regex: …} or {any: true} for one
// message of the framing, or a list of these.
func (r Reader) Expect(n *document.Node) *Message {
	m := &Message{Line: n.Line(), Column: n.Column()}
	if n.Kind() != document.List {
		m.items = []item{r.item(n)}
		return m
	}
	r.List(n, func(n *document.Node) { m.items = append(m.items, r.item(n)) })
	return m
}

func (r Reader) item(n *document.Node) item {
	if n.Kind() == document.Map && (n.Get("regex") != nil || n.Get("any") != nil) {
		switch key, v := r.One(n, append([]string{"regex", "any"}, bytesForms...)...); key {
		case "regex":
			return item{regex: r.Regexp(v)}
		case "any":
			if !r.Bool(v) {
				r.Report(v, "any must be true", "leave it out to expect nothing")
			}
			return item{any: true}
		}
		return item{}
	}
	return item{value: r.value(n)}
}

func (r Reader) value(n *document.Node) value {
	switch n.Kind() {
	case document.List:
		v := value{form: list}
		r.List(n, func(n *document.Node) { v.of = append(v.of, r.value(n)) })
		return v
	case document.Map:
		return r.form(n)
	}
	return value{data: []byte(r.String(n))}
}

func (r Reader) form(n *document.Node) value {
	if n.Get("repeat") != nil {
		return r.repeat(n)
	}
	switch key, v := r.One(n, bytesForms...); key {
	case "message":
		return value{form: framed, of: []value{r.value(v)}}
	case "hex":
		return r.decoded(v, "hexadecimal digits", hex.DecodeString)
	case "base64":
		return r.decoded(v, "base64", base64.StdEncoding.DecodeString)
	case "random":
		return value{form: random, count: r.Size(v, MaxBytes)}
	case "file":
		return value{data: r.file(v)}
	}
	return value{}
}

func (r Reader) repeat(n *document.Node) value {
	v := value{form: repeat}
	r.Fields(n, map[string]func(*document.Node){
		"repeat": func(n *document.Node) { v.of = []value{r.value(n)} },
		"times":  func(n *document.Node) { v.count = r.Int(n, 1, MaxBytes) },
	}, "times")
	return v
}

// decoded leaves out blanks and line ends, which only group the digits. An
// unquoted 0005 is a number to YAML and digits to us.
func (r Reader) decoded(n *document.Node, what string, decode func(string) ([]byte, error)) value {
	if k := n.Kind(); k != document.Text && k != document.Number {
		r.String(n)
		return value{}
	}
	b, err := decode(strings.Join(strings.Fields(n.Text()), ""))
	if err != nil {
		r.Report(n, fmt.Sprintf("not %s: %v", what, err), "")
	}
	return value{data: b}
}

func (r Reader) file(n *document.Node) []byte {
	path := r.Word(n)
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Folder, path)
	}
	b, err := readRegular(path)
	if err != nil {
		r.Report(n, fmt.Sprintf("file cannot be read: %v", err), "the path is relative to the folder of this file")
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
		return nil, fmt.Errorf("%s is no regular file", path)
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

func (r Reader) greeting(n *document.Node) *Message {
	var m *Message
	r.Fields(n, map[string]func(*document.Node){
		"expect": func(n *document.Node) { m = r.Expect(n) },
	}, "expect")
	return m
}

func (r Reader) exchange(n *document.Node) Exchange {
	e := Exchange{Line: n.Line()}
	r.Fields(n, map[string]func(*document.Node){
		"send":     func(n *document.Node) { e.Send = r.Send(n) },
		"expect":   func(n *document.Node) { e.Expect = r.Expect(n) },
		"shutdown": func(n *document.Node) { e.ShutdownWrite = r.OneOf(n, "write") == "write" },
		"within":   func(n *document.Node) { e.Within = r.Duration(n) },
	})
	if n.Kind() == document.Map && n.Get("send") == nil && n.Get("expect") == nil && n.Get("shutdown") == nil {
		r.Report(n, "an exchange in which nothing happens", "give it send, expect or shutdown")
	}
	if n.Get("within") != nil && n.Get("expect") == nil {
		r.Report(n.Get("within"), "within without expect", "it bounds how long the reply may take")
	}
	return e
}

func (r Reader) end(n *document.Node) End {
	text := r.OneOf(n, ends[:]...)
	for e, known := range ends {
		if text == known {
			return End(e)
		}
	}
	return ClientCloses
}

func (r Reader) volatile(n *document.Node) []*regexp.Regexp {
	var all []*regexp.Regexp
	r.List(n, func(n *document.Node) {
		re := r.Regexp(n)
		if re != nil && re.MatchString("") {
			r.Report(n, "the regular expression matches nothing at all, everywhere", "make it match at least one byte")
		}
		all = append(all, re)
	})
	return all
}

func (r Reader) framing(n *document.Node) Framing {
	if n.Kind() != document.Map {
		switch r.OneOf(n, "line", "until-eof", "none", "length-prefix", "fixed") {
		case "line":
			return Framing{Kind: Line}
		case "until-eof":
			return Framing{Kind: UntilEOF}
		case "length-prefix":
			r.Report(n, "length-prefix of how many bytes?", "write {length-prefix: {bytes: 4}}")
		case "fixed":
			r.Report(n, "fixed at how many bytes?", "write {fixed: 64}")
		}
		return Framing{}
	}
	switch key, v := r.One(n, "line", "length-prefix", "fixed"); key {
	case "line":
		return Framing{Kind: Line, CRLF: r.OneOf(v, "lf", "crlf") == "crlf"}
	case "length-prefix":
		return r.lengthPrefix(v)
	case "fixed":
		return Framing{Kind: Fixed, Size: int(r.Int(v, 1, MaxBytes))}
	}
	return Framing{}
}

func (r Reader) lengthPrefix(n *document.Node) Framing {
	f := Framing{Kind: LengthPrefix, Bytes: 4}
	r.Fields(n, map[string]func(*document.Node){
		"bytes": func(n *document.Node) {
			if f.Bytes = int(r.Int(n, 1, 8)); f.Bytes&(f.Bytes-1) != 0 {
				r.Report(n, fmt.Sprintf("a prefix of %d bytes", f.Bytes), "want 1, 2, 4 or 8")
			}
		},
		"order":           func(n *document.Node) { f.LittleEndian = r.OneOf(n, "big", "little") == "little" },
		"includes_header": func(n *document.Node) { f.IncludesHeader = r.Bool(n) },
		"max":             func(n *document.Node) { f.Max = r.Size(n, math.MaxInt32) },
	}, "bytes")
	return f
}
