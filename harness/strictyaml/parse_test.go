package strictyaml

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"unclosed list", "a: [1\nb: 2", "f.yaml:2:2: did not find expected ',' or ']'"},
		{"escape", `a: "x\q"`, "f.yaml:1:6: found unknown escape character"},
		{"two mappings in a line", "a: b: c", `f.yaml:1:5: mapping values are not allowed in this context, write a: {b: c}, or a: "b: c" where it is text`},
		{"tab", "a: 'é'\n\tb: 1", "f.yaml:2:1: found character that cannot start any token"},
		{"bytes", "a: ok\nb: é\xff", "f.yaml:2:5: byte 0xff is not UTF-8, write binary bytes"},
		{"control", "a: \x00", "f.yaml:1:4: control character 0x00"},
		{"second document", "a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here"},
		{"alias", "a: &x 1\nb: *x", "f.yaml:1:4: anchor &x is not supported, write the value out where it is needed\nf.yaml:2:4: alias *x"},
		{"merge", "a: {<<: {b: 1}}", "f.yaml:1:5: merge key << is not supported"},
		{"tag", "a: !secret x", "f.yaml:1:4: tag !secret is not supported"},
		{"depth", strings.Repeat("[", 70) + strings.Repeat("]", 70), "nested deeper than 64"},
		{"map as key", "{a: 1}: 2", "f.yaml:1:1: a key must be plain text"},
		{"size", "a: " + strings.Repeat("x", MaxSize), "f.yaml: the file is larger than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseText("f.yaml", []byte(c.in))
			var all Errors
			if !errors.As(err, &all) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %T %v\nwant %s", err, err, c.want)
			}
		})
	}
}

// A billion laughs must cost nothing, because aliases are refused unexpanded.
func TestParseAliasBomb(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := '1'; i <= '9'; i++ {
		prev := string(i - 1)
		bomb += "a" + string(i) + ": &a" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*a"+prev+",", 9), ",") + "]\n"
	}
	if _, err := ParseText("bomb.yaml", []byte(bomb)); err == nil {
		t.Fatal("want an error")
	}
}

func TestParseEmpty(t *testing.T) {
	for _, in := range []string{"", "# nothing\n", "---\n"} {
		n, err := ParseText("f.yaml", []byte(in))
		if err != nil || n.Kind() != Nothing {
			t.Errorf("Parse(%q) = %v, %v; want nothing", in, n, err)
		}
	}
}

func TestLoad(t *testing.T) {
	if _, err := LoadFile(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml: no such file") {
		t.Errorf("a missing file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := LoadFile(path)
	if err != nil || n.GetKey("a").Text() != "1" || n.GetKey("b") != nil || n.File() != path {
		t.Errorf("Load = %+v, %v", n, err)
	}
}

func TestDecode(t *testing.T) {
	n, err := ParseText("f.yaml", []byte("s: x\ni: 0x10\nb: true\nd: 1m30s\nsize: 4KiB\none: {hex: '00'}\nlist: [a, b]\nday: 2024-01-01\nf: 0.5\nre: 'a+'\nzero: 0"))
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	got := map[string]any{}
	d.DecodeFields(n, map[string]func(*Node){
		"s": func(n *Node) { got["s"] = d.String(n) }, "i": func(n *Node) { got["i"] = d.IntBetween(n, 0, 99) },
		"b": func(n *Node) { got["b"] = d.Bool(n) }, "d": func(n *Node) { got["d"] = d.ParseDuration(n) },
		"size": func(n *Node) { got["size"] = d.ParseSize(n, 1<<20) }, "one": func(n *Node) { got["one"], _ = d.SingleKnownKey(n, "hex", "base64") },
		"list": func(n *Node) { got["list"] = strings.Join(d.StringList(n), "+") }, "day": func(n *Node) { got["day"] = d.String(n) },
		"f": func(n *Node) { got["f"] = d.FloatBetween(n, 0, 1) }, "re": func(n *Node) { got["re"] = d.CompileRegexp(n).String() },
		"zero": func(n *Node) { got["zero"] = d.ParseDuration(n) },
	}, "s")
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{"s": "x", "i": int64(16), "b": true, "d": 90 * time.Second, "size": int64(4096), "one": "hex",
		"list": "a+b", "day": "2024-01-01", "f": 0.5, "re": "a+", "zero": time.Duration(0)} {
		if got[k] != want {
			t.Errorf("%s = %v, want %v", k, got[k], want)
		}
	}
}

func TestDecodeFindsAllAtOnce(t *testing.T) {
	n, err := ParseText("f.yaml", []byte(strings.TrimSpace(`
expekt: 1
send: 42
send: x
count: 012
many: 1000
wait: 5
size: 9GiB
end: client close
flag: 'maybe'
re: '('
list: {a: 1}
word: ''
none:
half: 1.5
one: {a: 1, b: 2}
own: {k: 1, k: 2}
`)))
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	d.DecodeFields(n, map[string]func(*Node){
		"expect": func(*Node) {}, "send": func(n *Node) { d.String(n) }, "count": func(n *Node) { d.IntBetween(n, 0, math.MaxInt64) },
		"many": func(n *Node) { d.IntBetween(n, 1, 10) }, "wait": func(n *Node) { d.ParseDuration(n) }, "size": func(n *Node) { d.ParseSize(n, 1<<20) },
		"end":  func(n *Node) { d.OneOf(n, "client closes", "server closes") },
		"flag": func(n *Node) { d.Bool(n) }, "re": func(n *Node) { d.CompileRegexp(n) }, "list": func(n *Node) { d.StringList(n) },
		"word": func(n *Node) { d.NonEmptyString(n) }, "none": func(n *Node) { d.String(n) }, "half": func(n *Node) { d.IntBetween(n, 0, 3) },
		"one": func(n *Node) { d.SingleKnownKey(n, "a", "b") }, "own": func(n *Node) { d.EachPair(n, func(_, _ *Node) {}) },
	}, "name", "send")
	want := `f.yaml:1:1: unknown key "expekt", did you mean "expect"?
f.yaml:1:1: key "name" is missing
f.yaml:2:7: want a string, found a number "42", write it in quotes: "42"
f.yaml:3:1: key "send" is given twice, first in line 2; delete one
f.yaml:4:8: 012 has a leading zero: YAML readers disagree whether it is octal, write 12 or 0o12
f.yaml:5:7: 1000 is out of range, want 1 to 10
f.yaml:6:7: want a duration, found a number "5", give a number and its unit, such as 250ms or 2s
f.yaml:7:7: 9GiB is too large, want at most 1048576 bytes
f.yaml:8:6: "client close" is not allowed here, did you mean "client closes"?
f.yaml:9:7: want a truth value, found a string "maybe"
f.yaml:10:5: not a regular expression: missing closing ): ` + "`(`" + `, see https://golang.org/s/re2syntax
f.yaml:11:7: want a list, found a mapping
f.yaml:12:7: an empty string
f.yaml:13:6: want a string, found nothing
f.yaml:14:7: 1.5 is not a whole number
f.yaml:15:6: the mapping has 2 keys, give exactly one of a, b
f.yaml:16:13: key "k" is given twice, first in line 16; delete one`
	if got := d.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var one Error
	if !errors.As(d.Err(), &one) || one.Line != 1 || d.ErrorCount() != 17 {
		t.Errorf("first %+v of %d", one, d.ErrorCount())
	}
}

func TestJoin(t *testing.T) {
	if err := JoinErrors(nil, nil); err != nil {
		t.Errorf("Join of nothing: %v", err)
	}
	err := JoinErrors(Errors{{File: "b", Line: 1, Column: 1, Message: "y"}}, nil, Errors{{File: "a", Message: "x"}}, os.ErrClosed)
	if want := "a: x\nb:1:1: y\nerror: file already closed"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a: 1", "a: &x [*x]", "[", "? [a]\n: b", "a: !!binary x", "- - - -", "%YAML 1.1\n---\na: b", "a: |\n  x\n", "<<: 1", "\xef\xbb\xbfa: 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := ParseText("f", data)
		if (n == nil) == (err == nil) && err == nil {
			t.Fatal("neither a node nor an error")
		}
		if err != nil {
			_ = err.Error()
			return
		}
		var d Decoder
		walk(&d, n)
		_ = d.Err()
	})
}

func walk(d *Decoder, n *Node) {
	switch n.Kind() {
	case List:
		d.EachItem(n, func(n *Node) { walk(d, n) })
	case Map:
		d.DecodeFields(n, map[string]func(*Node){"a": func(n *Node) { walk(d, n) }}, "b")
		d.EachPair(n, func(_, n *Node) { walk(d, n) })
	default:
		d.String(n)
		d.IntBetween(n, 0, 9)
		d.FloatBetween(n, 0, 9)
		d.ParseDuration(n)
		d.ParseSize(n, 1<<20)
		d.Bool(n)
		d.OneOf(n, "a", "b")
		d.CompileRegexp(n)
	}
}
