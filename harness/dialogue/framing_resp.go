package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/sockharness/harness/harness/plural"
)

// frameBulk returns body as a bulk string of RESP.
func frameBulk(body []byte) []byte {
	return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(body), body)
}

// frameCommand returns the words of a command as an array of bulk strings.
func frameCommand(words [][]byte) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		out = append(out, frameBulk(word)...)
	}
	return out
}

// cutRESP measures one value of RESP2 or RESP3, or a command in one line. Values inside
// values are counted, not nested, so that no depth is too deep.
func (f Framing) cutRESP(b []byte, p *progress) (span, bool, error) {
	if !p.begun {
		p.begun, p.pending = true, 1
	}
	for p.pending > 0 {
		end, more, ok, err := f.respValue(b, p.at)
		if err != nil || !ok {
			return span{}, false, err
		}
		if p.at = end; p.pending-1+more > uint64(f.maxBody()) {
			return span{}, false, fmt.Errorf("the value holds more than %d others", f.maxBody())
		}
		p.pending = p.pending - 1 + more
	}
	return respSpan(b[:p.at]), true, nil
}

// respSpan divides a whole value into type or length, content and last line end.
func respSpan(b []byte) span {
	first, end := bytes.IndexByte(b, '\n')+1, 2
	switch {
	case !isRESPType(b[0]): // a command in one line
		if !bytes.HasSuffix(b, []byte("\r\n")) {
			end = 1
		}
		return span{body: len(b) - end, delimiter: end}
	case first == len(b):
		return span{header: 1, body: len(b) - 3, delimiter: 2}
	}
	return span{header: first, body: len(b) - first - 2, delimiter: 2}
}

func isRESPType(b byte) bool { return bytes.IndexByte([]byte("+-:$*_#,(!=%~>|"), b) >= 0 }

// respValue measures the value at an offset without those inside it, of which more must
// follow.
func (f Framing) respValue(b []byte, at int) (end int, more uint64, ok bool, err error) {
	line, next, ok := lineAt(b, at)
	switch {
	case at < len(b) && !isRESPType(b[at]) && (at > 0 || b[at] < ' ' || b[at] > '~'):
		return 0, 0, false, fmt.Errorf("%q at byte %d begins no value of RESP", b[at:at+1], at)
	case !ok && int64(len(b)-at) > f.maxBody():
		return 0, 0, false, fmt.Errorf("the line at byte %d has more than %d bytes", at, f.maxBody())
	case !ok:
		return 0, 0, false, nil
	case len(line) == 0 || !isRESPType(line[0]):
		return next, 0, true, nil
	case next-at < 3 || b[next-2] != '\r':
		return 0, 0, false, fmt.Errorf("the line at byte %d ends with LF, not with CR LF", at)
	}
	switch line[0] {
	case '$', '!', '=':
		return f.respBulk(b, at, line, next)
	case '*', '~', '>':
		more, err = respCount(line[1:], 1)
	case '%':
		more, err = respCount(line[1:], 2)
	case '|': // attributes, and the value that they belong to
		more, err = respCount(line[1:], 2)
		more++
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("the value at byte %d: %w", at, err)
	}
	return next, more, true, nil
}

func (f Framing) respBulk(b []byte, at int, line []byte, next int) (end int, more uint64, ok bool, err error) {
	if string(line[1:]) == "-1" {
		return next, 0, true, nil
	}
	length, err := respCount(line[1:], 1)
	if err == nil {
		err = f.checkLength(length)
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("the value at byte %d: %w", at, err)
	}
	end = next + int(length) + 2
	if len(b) < end {
		return 0, 0, false, nil
	}
	if b[end-2] != '\r' || b[end-1] != '\n' {
		return 0, 0, false, fmt.Errorf("the string of %s at byte %d is not followed by CR LF", plural.Count(length, "byte"), at)
	}
	return end, 0, true, nil
}

// respCount reads a length or a number of elements, each of which is so many values.
// -1 is the null of RESP2.
func respCount(text []byte, values uint64) (uint64, error) {
	if string(text) == "-1" {
		return 0, nil
	}
	if bytes.HasPrefix(text, []byte("?")) {
		return 0, errors.New("values of unknown length are not measured")
	}
	n, err := strconv.ParseUint(string(text), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is no length that fits", text[:min(len(text), 40)])
	}
	return n * values, nil
}
