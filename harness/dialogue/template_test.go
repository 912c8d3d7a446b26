package dialogue

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/strictyaml"
)

// read returns the message that is written as text.
func read(t *testing.T, text string) (*Message, error) {
	t.Helper()
	n, err := strictyaml.ParseText("message.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var dec strictyaml.Decoder
	m := Reader{Decoder: &dec}.ReadSend(n)
	return m, dec.Err()
}

func TestMessageForms(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{u8: 255}`, "\xff"},
		{`{u16: 5}`, "\x00\x05"},
		{`{u16: -1}`, "\xff\xff"},
		{`{u16le: 5}`, "\x05\x00"},
		{`{u32: 0x01020304}`, "\x01\x02\x03\x04"},
		{`{u32le: 7}`, "\x07\x00\x00\x00"},
		{`{u64: 1}`, "\x00\x00\x00\x00\x00\x00\x00\x01"},
		{`[{u16: 2}, {text: eof}]`, "\x00\x02eof"},
		{`"WHY ${code}, $${code}"`, "WHY 42, ${code}"},
		{`{repeat: "${code}", times: 2}`, "4242"},
		{`{message: "${code}"}`, "42\n"},
		{`{hex: "24 7b 63 7d"}`, "${c}"},
	}
	lookup := func(name string) ([]byte, bool) { return []byte("42"), name == "code" }
	for _, tt := range tests {
		m, err := read(t, tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		p, err := m.ExpandPattern(Framing{Kind: Line}, seed.New(1).NewRand(), lookup)
		got, _ := p.LiteralBytes()
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %q, %v; want %q", tt.text, got, err, tt.want)
		}
	}
}

func TestIntegerRange(t *testing.T) {
	for _, text := range []string{"{u8: 256}", "{u8: -129}", "{u16: 65536}", "{u32: 1.5}", `{u32: "5"}`} {
		if _, err := read(t, text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestVariables(t *testing.T) {
	m, err := read(t, `["${a}", {repeat: "${b} $${c}", times: 3}]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.VariableNames(), " "); got != "a b" {
		t.Errorf("got %q, want a and b", got)
	}
	_, err = m.ExpandPattern(Framing{}, seed.New(1).NewRand(), func(string) ([]byte, bool) { return nil, false })
	if err == nil || !strings.Contains(err.Error(), "${a} has no value") {
		t.Errorf("got %v, want ${a} named", err)
	}
}
