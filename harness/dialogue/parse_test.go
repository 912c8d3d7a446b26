package dialogue

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/strictyaml"
)

const whole = `
dialogue: kv
framing: {length-prefix: {bytes: 2, order: little, includes_header: true, max: 1MiB}}
greeting: {expect: {message: ready}}
exchanges:
  - send: {message: ["GET ", {hex: "00 ff"}, {base64: aGk=}, {repeat: "x", times: 3}, {file: body.bin}]}
    expect: [{message: "1"}, {any: true}, {regex: 'a+'}]
    within: 2s
  - send: {message: bye}
    shutdown: write
end: client half-closes
volatile: ['Date: .*']
`

func TestParse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "body.bin"), []byte("BODY"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kv.yaml")
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Framing{Kind: LengthPrefix, Bytes: 2, LittleEndian: true, Counts: CountsWhole, Max: 1 << 20}
	if d.Name != "kv" || d.Framing != want || d.End != ClientHalfCloses || len(d.Volatile) != 1 || d.File != path ||
		len(d.Exchanges) != 2 || d.Exchanges[0].Within != 2*time.Second || !d.Exchanges[1].ShutdownWrite || d.Exchanges[1].Line != 9 {
		t.Errorf("%+v", d)
	}
	s, err := d.ResolveScript(seed.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.RequestBytes()); got != "\x11\x00GET \x00\xffhixxxBODY\x05\x00bye" {
		t.Errorf("requests %q", got)
	}
	replies, ok := s.ReplyBytes()
	if string(replies) != "\x07\x00ready" || ok {
		t.Errorf("replies %q, %v", replies, ok)
	}
	if e := s.Steps[0].Expect; len(e) != 3 || !e[1].Any || e[2].Regex.String() != "a+" || string(e[0].SentBytes) != "\x03\x001" {
		t.Errorf("expect %v", e)
	}
}

func TestParseFindsContradictions(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"empty file":         {"", "f.yaml:1:1: want a mapping, found nothing"},
		"empty dialogue":     {"dialogue: x", "f.yaml:1:1: the dialogue has no exchanges and no greeting, add exchanges"},
		"empty list":         {"dialogue: x\nexchanges: []", "the dialogue has no exchanges and no greeting"},
		"no name":            {"exchanges: [{send: a}]", `key "dialogue" is missing`},
		"nothing happens":    {"dialogue: x\nexchanges:\n  - {within: 1s}", "f.yaml:3:5: the exchange is empty"},
		"typo":               {"dialogue: x\nexchanges:\n  - {sned: a}", `f.yaml:3:6: unknown key "sned", did you mean "send"?`},
		"end":                {"dialogue: x\nexchanges: [{send: a}]\nend: client closed", `did you mean "client closes"?`},
		"two framings":       {"dialogue: x\nframing: {line: lf, fixed: 3}\nexchanges: [{send: a}]", "f.yaml:2:10: the mapping has 2 keys, give exactly one of line, length-prefix, fixed"},
		"bare prefix":        {"dialogue: x\nframing: length-prefix\nexchanges: [{send: a}]", "the length-prefix has no number of bytes"},
		"nine bytes":         {"dialogue: x\nframing: {length-prefix: {bytes: 9}}\nexchanges: [{send: a}]", "f.yaml:2:34: "},
		"send after fin":     {"dialogue: x\nexchanges:\n  - {send: a, shutdown: write}\n  - {send: b}", "f.yaml:4:12: the client cannot send after it has half-closed in line 3"},
		"fin twice":          {"dialogue: x\nexchanges:\n  - {shutdown: write}\n  - {shutdown: write}", "f.yaml:4:1: the client has already half-closed in line 3"},
		"fixed":              {"dialogue: x\nframing: {fixed: 4}\nexchanges: [{send: abcde}]", "f.yaml:3:20: 5 bytes, but the framing is fixed at 4"},
		"fixed message":      {"dialogue: x\nframing: {fixed: 4}\nexchanges: [{send: {message: abc}}]", "the message has 3 bytes, but the framing is fixed at 4"},
		"until-eof":          {"dialogue: x\nframing: until-eof\nexchanges: [{send: a, expect: b}, {send: c}]", "f.yaml:3:42: the framing is until-eof, so there is one exchange"},
		"until-eof, end":     {"dialogue: x\nframing: until-eof\nexchanges: [{send: a, expect: b}]\nend: client closes", `f.yaml:4:6: the framing is until-eof, so the server's close is what ends its reply, write "end: server closes"`},
		"until-eof, any":     {"dialogue: x\nframing: until-eof\nexchanges: [{send: a, shutdown: write, expect: {any: true}}, {expect: b}]", "only the last exchange can expect any"},
		"any, none":          {"dialogue: x\nexchanges: [{send: a, expect: {any: true}}]", "f.yaml:2:31: any means one message, and framing: none defines no messages"},
		"any false":          {"dialogue: x\nframing: line\nexchanges: [{expect: {any: false}}]", "f.yaml:3:28: any must be true"},
		"any in send":        {"dialogue: x\nframing: line\nexchanges: [{send: {any: true}}]", `unknown key "any"`},
		"regex":              {"dialogue: x\nframing: line\nexchanges: [{expect: {regex: '('}}]", "f.yaml:3:30: not a regular expression: missing closing )"},
		"regex looks ahead":  {"dialogue: x\nexchanges: [{expect: {regex: 'a$'}}]", `with the framing none, $, \z and \b cannot be decided`},
		"regex of nothing":   {"dialogue: x\nexchanges: [{expect: {regex: 'a*'}}]", "also matches zero bytes"},
		"regex mid-line":     {"dialogue: x\nframing: line\nexchanges: [{expect: [a, {regex: b}]}]", `the line has no line end, end it with "\n"`},
		"volatile nothing":   {"dialogue: x\nexchanges: [{expect: a}]\nvolatile: ['a*']", "f.yaml:3:12: the regular expression matches the empty string"},
		"unframed":           {"dialogue: x\nframing: {length-prefix: {bytes: 4}}\nexchanges: [{send: hello}]", "the length prefix says 1751477356 bytes, more than the 67108864 allowed, write {message: …} to have the length prefix added"},
		"half a frame":       {"dialogue: x\nframing: {length-prefix: {bytes: 1}}\nexchanges: [{send: \"\\x05abc\"}]", "the message that begins at byte 0 is not complete"},
		"too long for u8":    {"dialogue: x\nframing: {length-prefix: {bytes: 1}}\nexchanges: [{send: {message: {repeat: x, times: 256}}}]", "the length 256 does not fit into 1 byte"},
		"over max":           {"dialogue: x\nframing: {length-prefix: {bytes: 4, max: 3}}\nexchanges: [{send: {message: abcd}}]", "the message has 4 bytes, but the framing allows at most 3"},
		"shorter than head":  {"dialogue: x\nframing: {length-prefix: {bytes: 2, includes_header: true}}\nexchanges: [{send: {hex: '0001'}}]", "the length prefix says 1, less than the prefix itself"},
		"no line end":        {"dialogue: x\nframing: {line: crlf}\nexchanges: [{send: \"a\\n\"}]", `the line has no line end, end it with "\r\n", or write {message: …}`},
		"delimiter inside":   {"dialogue: x\nframing: line\nexchanges: [{send: {message: \"a\\nb\"}}]", "the message contains its delimiter, at byte 1"},
		"no bytes":           {"dialogue: x\nexchanges: [{send: ''}]", "f.yaml:2:20: no bytes, leave it out"},
		"too large":          {"dialogue: x\nexchanges: [{send: [{random: 60MiB}, {random: 5MiB}]}]", "f.yaml:2:20: one side of the dialogue sends more than 64 MiB"},
		"too large together": {"dialogue: x\nexchanges: [{expect: {random: 60MiB}}, {expect: {random: 5MiB}}]", "f.yaml:2:49: one side of the dialogue sends more than 64 MiB"},
		"too large repeat":   {"dialogue: x\nexchanges: [{send: {repeat: {repeat: {repeat: xxxx, times: 60000000}, times: 60000000}, times: 60000000}}]", "more than 64 MiB"},
		"size":               {"dialogue: x\nexchanges: [{send: {random: 65MiB}}]", "65MiB is too large"},
		"hex":                {"dialogue: x\nexchanges: [{send: {hex: 5}}]", "f.yaml:2:26: not hexadecimal digits"},
		"base64":             {"dialogue: x\nexchanges: [{send: {base64: '*'}}]", "not base64"},
		"number":             {"dialogue: x\nexchanges: [{send: 42}]", `f.yaml:2:20: want a string, found a number "42", write it in quotes: "42"`},
		"file":               {"dialogue: x\nexchanges: [{send: {file: no-such-file}}]", "f.yaml:2:27: file cannot be read"},
		"directory":          {"dialogue: x\nexchanges: [{send: {file: /}}]", "/ is not a regular file"},
		"times":              {"dialogue: x\nexchanges: [{send: {repeat: x}}]", `key "times" is missing`},
		"within alone":       {"dialogue: x\nexchanges: [{send: a, within: 1s}]", "f.yaml:2:31: within without expect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(c.in))
			if _, ok := err.(strictyaml.Errors); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParseFindsAllAtOnce(t *testing.T) {
	_, err := Parse("f.yaml", []byte("dialogue: 1\nframing: lines\nexchanges:\n  - {send: 2, expect: {regex: '['}}\n  - {shutdown: read}\nend: never\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 5 {
		t.Errorf("%v", err)
	}
}

func TestScriptIsOfTheSeed(t *testing.T) {
	d, err := Parse("f.yaml", []byte("{dialogue: x, framing: line, exchanges: [{send: {message: {random: 10000}}, expect: {message: {random: 10000}}}, {send: {message: {random: 10000}}}]}"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := d.ResolveScript(seed.New(1))
	b, _ := d.ResolveScript(seed.New(1))
	c, _ := d.ResolveScript(seed.New(2))
	if string(a.RequestBytes()) != string(b.RequestBytes()) || string(a.RequestBytes()) == string(c.RequestBytes()) {
		t.Error("the seed does not decide")
	}
	if string(a.Steps[0].Send) != string(a.Steps[0].Expect[0].SentBytes) || string(a.Steps[0].Send) == string(a.Steps[1].Send) {
		t.Error("an echo must be the same bytes, another exchange others")
	}
	if len(a.RequestBoundaries()) != 2 {
		t.Errorf("random bytes end a line: %v", a.RequestBoundaries())
	}
}

func TestParts(t *testing.T) {
	prefix := script(t, "{dialogue: x, framing: {length-prefix: {bytes: 2}}, greeting: {expect: {message: hi}}, exchanges: [{send: [{message: abc}, {message: ''}], expect: {message: d}}]}")
	if d := cmp.Diff(prefix.RequestParts(), []Part{{"header", 0, 0, 2}, {"body", 0, 2, 5}, {"header", 1, 5, 7}}); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(prefix.ReplyParts(), []Part{{"header", 0, 0, 2}, {"body", 0, 2, 4}, {"header", 1, 4, 6}, {"body", 1, 6, 7}}); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(prefix.RequestBoundaries(), []int64{5, 7}); d != "" {
		t.Error(d)
	}
	line := script(t, "{dialogue: x, framing: {line: crlf}, exchanges: [{send: \"ab\\r\\n\\r\\n\", expect: \"x\\r\\n> \"}]}")
	if d := cmp.Diff(line.RequestParts(), []Part{{"body", 0, 0, 2}, {"delimiter", 0, 2, 4}, {"delimiter", 1, 4, 6}}); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(line.ReplyParts(), []Part{{"body", 0, 0, 1}, {"delimiter", 0, 1, 3}, {"body", 1, 3, 5}}); d != "" {
		t.Error(d)
	}
	none := script(t, "{dialogue: x, exchanges: [{send: abc}, {send: de}]}")
	if d := cmp.Diff(none.RequestBoundaries(), []int64{3, 5}); d != "" {
		t.Error(d)
	}
}

func TestFromFlags(t *testing.T) {
	d, err := FromFlags([]string{`hello\n`, `\x00\xff\u00e9\"\n`}, []string{`HELLO\n`})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ResolveScript(seed.New(0))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(s.RequestBytes()); got != "68656c6c6f0a00ffc3a9220a" {
		t.Errorf("requests %s", got)
	}
	if replies, ok := s.ReplyBytes(); string(replies) != "HELLO\n" || !ok || d.Framing.Kind != Line || d.Framing.CRLF {
		t.Errorf("%q, %+v", replies, d.Framing)
	}
	if d, err := FromFlags([]string{`a\r\n`}, nil); err != nil || !d.Framing.CRLF {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := FromFlags([]string{`a\n`}, []string{"b"}); err != nil || d.Framing.Kind != None {
		t.Errorf("%+v, %v", d, err)
	}
	for _, bad := range []string{`a\q`, `\`, ``} {
		if _, err := FromFlags([]string{bad}, nil); err == nil || !strings.Contains(err.Error(), "--send") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := FromFlags(nil, nil); err == nil {
		t.Error("want an error")
	}
}

func TestAwaitAnswers(t *testing.T) {
	d, err := FromFlags([]string{`a\n`, `b\n`}, []string{`A\n`})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AwaitAnswers(); err != nil {
		t.Fatal(err)
	}
	s, err := d.ResolveScript(seed.New(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Steps[0].Expect.LiteralBytes(); !ok || len(s.Steps[1].Expect) != 1 || !s.Steps[1].Expect[0].Any {
		t.Errorf("got %+v, want what was expected, then any message", s.Steps)
	}
	if d, err = FromFlags([]string{`a`}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.AwaitAnswers(); err == nil || !strings.Contains(err.Error(), "--expect") {
		t.Errorf("no framing: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(hello))
	f.Add([]byte("{dialogue: x, framing: {fixed: 4}, exchanges: [{send: {repeat: [a, b], times: 2}, expect: [{any: true}, {regex: a}]}]}"))
	f.Add([]byte("{dialogue: x, framing: until-eof, greeting: {expect: a}, exchanges: [{send: {random: 4KiB}, shutdown: write}, {expect: {hex: 0005}}]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(filepath.Join(t.TempDir(), "f.yaml"), data)
		if err != nil {
			if d != nil || err.Error() == "" {
				t.Fatal("a dialogue beside an error")
			}
			return
		}
		s, err := d.ResolveScript(seed.New(3))
		if err != nil {
			t.Fatalf("sound, but has no script: %v", err)
		}
		replies, _ := s.ReplyBytes()
		checkParts(t, s.RequestParts(), s.RequestBoundaries(), int64(len(s.RequestBytes())))
		checkParts(t, s.ReplyParts(), s.ReplyBoundaries(), int64(len(replies)))
		for _, p := range s.replyPatterns() {
			m := s.newMatcher(p, nil)
			m.advanceMatch(replies[:len(replies)/2], false)
			m.advanceMatch(replies, true)
		}
	})
}
