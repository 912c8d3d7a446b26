package dialogue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sockharness/harness/harness/strictyaml"
)

// FromFlags makes a dialogue of command line flags: the n-th send is answered by
// the n-th expect; one of them may be longer. Escapes are those of Go strings
// (\n, \x00, \u00e9). The framing is line if everything ends in a line end.
func FromFlags(send, expect []string) (*Dialogue, error) {
	d := &Dialogue{Name: "flags"}
	if len(send) == 0 && len(expect) == 0 {
		return nil, errors.New("dialogue flags: --send and --expect are both missing")
	}
	sends, err := unescapeFlag("send", send)
	if err != nil {
		return nil, err
	}
	expects, err := unescapeFlag("expect", expect)
	if err != nil {
		return nil, err
	}
	for i := range max(len(sends), len(expects)) {
		var e Exchange
		if i < len(sends) {
			e.Send = textMessage([]byte(sends[i]))
		}
		if i < len(expects) {
			e.Expect = textMessage([]byte(expects[i]))
		}
		d.Exchanges = append(d.Exchanges, e)
	}
	d.Framing = guessFraming(append(sends, expects...))
	return d, nil
}

// SetFraming gives a dialogue of flags the framing that text names as YAML does, or
// with = instead of the colon: "line", "line: crlf", "length-prefix: {bytes: 4}",
// "length-prefix=4", "fixed=64", "http", "none". It is an error if what is sent or expected
// is not made of such messages.
func (d *Dialogue) SetFraming(text string) error {
	const flag = "--framing"
	n, err := strictyaml.ParseText(flag, []byte(framingYAML(text)))
	if err != nil {
		return err
	}
	var dec strictyaml.Decoder
	d.Framing = Reader{Decoder: &dec}.ReadFraming(n)
	if dec.ErrorCount() == 0 {
		d.File = flag
		c := checker{dec: &dec, d: d, root: n}
		c.checkAll(n)
	}
	return dec.Err()
}

// AwaitAnswers lets each exchange that only sends await one message, whatever it
// says. It is an error if nothing is expected anywhere and nothing tells where a
// message ends.
func (d *Dialogue) AwaitAnswers() error {
	expects := func(e Exchange) bool { return e.Expect != nil }
	if d.Framing.Kind == None {
		if slices.ContainsFunc(d.Exchanges, expects) {
			return nil
		}
		return errors.New("the end of an answer is unknown: add --expect with the answer, or write a --dialogue")
	}
	for i := range d.Exchanges {
		if e := &d.Exchanges[i]; e.Send != nil && e.Expect == nil {
			e.Expect = &Message{items: []item{{any: true}}}
		}
	}
	return nil
}

func guessFraming(all []string) Framing {
	crlf := true
	for _, s := range all {
		if !strings.HasSuffix(s, "\n") {
			return Framing{}
		}
		crlf = crlf && strings.Count(s, "\n") == strings.Count(s, "\r\n")
	}
	return Framing{Kind: Line, CRLF: crlf}
}

func unescapeFlag(flag string, all []string) ([]string, error) {
	var out []string
	for _, s := range all {
		b, err := unescapeOne(s)
		if err != nil || b == "" {
			if err == nil {
				err = errors.New("no bytes")
			}
			return nil, fmt.Errorf("--%s %q: %w", flag, s, err)
		}
		out = append(out, b)
	}
	return out, nil
}

func unescapeOne(s string) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		if strings.HasPrefix(s, `\'`) || strings.HasPrefix(s, `\"`) {
			b.WriteByte(s[1])
			s = s[2:]
			continue
		}
		r, multibyte, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return "", fmt.Errorf("unknown escape at %q; double the backslash", s[:min(len(s), 4)])
		}
		if multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		s = rest
	}
	return b.String(), nil
}
