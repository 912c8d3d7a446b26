package strictyaml

import (
	"strings"
	"testing"
)

func TestParseTakesWhatPeopleType(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nested mapping", "framing: length-prefix: {bytes: 4, order: big} # why\nb: 1", "framing: {length-prefix: {bytes: 4, order: big}}\nb: 1"},
		{"nested number", "- framing: fixed: 64", "- framing: {fixed: 64}"},
		{"bare command in braces", "server: {command: python3 server.py {port}}", `server: {command: "python3 server.py {port}"}`},
		{"bare command, and more", "server: { command: nc -l {host} {port}, scope: suite }", `server: { command: "nc -l {host} {port}", scope: suite }`},
		{"two lines", "a: b: 1\nc: d: 2", "a: {b: 1}\nc: {d: 2}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseText("f.yaml", []byte(c.in))
			if err != nil {
				t.Fatalf("as typed: %v", err)
			}
			want, err := ParseText("f.yaml", []byte(c.want))
			if err != nil {
				t.Fatalf("as YAML wants it: %v", err)
			}
			if !got.same(want) {
				t.Errorf("%q is not read as %q", c.in, c.want)
			}
		})
	}
}

// same reports whether two nodes hold the same, wherever they stand.
func (n *Node) same(o *Node) bool {
	if n.kind != o.kind || n.text != o.text || len(n.items) != len(o.items) || len(n.pairs) != len(o.pairs) {
		return false
	}
	for i := range n.items {
		if !n.items[i].same(o.items[i]) {
			return false
		}
	}
	for i := range n.pairs {
		if n.pairs[i].key.text != o.pairs[i].key.text || !n.pairs[i].value.same(o.pairs[i].value) {
			return false
		}
	}
	return true
}

func TestParseShowsTheRightLine(t *testing.T) {
	_, err := ParseText("f.yaml", []byte("a: 1\nsend: GET: x\n"))
	if want := `write send: {GET: x}, or send: "GET: x" where it is text`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = ParseText("f.yaml", []byte("a: [{host}:{port}]"))
	if err == nil || !strings.Contains(err.Error(), "quotes") {
		t.Errorf("text that begins with a brace: got %v", err)
	}
}

func TestDecodeTakesWhatPeopleType(t *testing.T) {
	n, err := ParseText("f.yaml", []byte("yes: yes\nno: No\non: on\ncommand: [python3, server.py, {port}]"))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	var d Decoder
	if !d.Bool(n.GetKey("yes")) || d.Bool(n.GetKey("no")) || !d.Bool(n.GetKey("on")) {
		t.Error("yes, No and on: want true, false, true")
	}
	if got := strings.Join(d.StringList(n.GetKey("command")), " "); got != "python3 server.py {port}" {
		t.Errorf("command: got %q", got)
	}
	if err := d.Err(); err != nil {
		t.Errorf("decode: %v", err)
	}
}
