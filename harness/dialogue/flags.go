package dialogue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FromFlags makes a dialogue of command line flags: the n-th send is answered by
// the n-th expect; one of them may be longer. Escapes are those of Go strings
// (\n, \x00, \u00e9). The framing is line if everything ends in a line end.
func FromFlags(send, expect []string) (*Dialogue, error) {
	d := &Dialogue{Name: "flags"}
	if len(send) == 0 && len(expect) == 0 {
		return nil, errors.New("dialogue flags: nothing is sent and nothing expected")
	}
	sends, err := unescape("send", send)
	if err != nil {
		return nil, err
	}
	expects, err := unescape("expect", expect)
	if err != nil {
		return nil, err
	}
	for i := range max(len(sends), len(expects)) {
		var e Exchange
		if i < len(sends) {
			e.Send = Text([]byte(sends[i]))
		}
		if i < len(expects) {
			e.Expect = Text([]byte(expects[i]))
		}
		d.Exchanges = append(d.Exchanges, e)
	}
	d.Framing = guess(append(sends, expects...))
	return d, nil
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
		return errors.New("nothing tells where an answer ends: say with --expect what comes back, or write a --dialogue")
	}
	for i := range d.Exchanges {
		if e := &d.Exchanges[i]; e.Send != nil && e.Expect == nil {
			e.Expect = &Message{items: []item{{any: true}}}
		}
	}
	return nil
}

func guess(all []string) Framing {
	crlf := true
	for _, s := range all {
		if !strings.HasSuffix(s, "\n") {
			return Framing{}
		}
		crlf = crlf && strings.Count(s, "\n") == strings.Count(s, "\r\n")
	}
	return Framing{Kind: Line, CRLF: crlf}
}

func unescape(flag string, all []string) ([]string, error) {
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
			return "", fmt.Errorf("unknown escape at %q, double the backslash", s[:min(len(s), 4)])
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
