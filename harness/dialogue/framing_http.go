package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is read before a message is known not to be one.
const (
	longestHead      = 1 << 20
	longestChunkLine = 4 << 10
)

// headLength returns the length of the head that b begins with, the empty line
// included; 0 while it is not whole. A line ends with CR LF or LF.
func headLength(b []byte, p *progress) (int, error) {
	for at := max(0, p.at-3); ; {
		i := bytes.IndexByte(b[min(at, len(b)):], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		rest := b[at:]
		switch {
		case bytes.HasPrefix(rest, []byte("\n")):
			return at + 1, nil
		case bytes.HasPrefix(rest, []byte("\r\n")):
			return at + 2, nil
		}
	}
	p.at = len(b)
	if len(b) > longestHead {
		return 0, fmt.Errorf("the head has more than %d bytes and no empty line", longestHead)
	}
	return 0, nil
}

// headLines returns the lines of a head without their ends.
func headLines(head []byte) []string {
	lines := strings.Split(strings.TrimRight(string(head), "\r\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

// fieldOf returns the values of all header fields of a name in lower case, joined by
// commas; ok is false where there is none.
func fieldOf(head []byte, name string) (value string, ok bool) {
	var all []string
	for _, line := range headLines(head) {
		key, v, found := strings.Cut(line, ":")
		if found && strings.EqualFold(strings.TrimSpace(key), name) {
			all = append(all, strings.TrimSpace(v))
		}
	}
	return strings.Join(all, ","), len(all) > 0
}

// withoutField returns the lines of a head without the given field, and without the
// empty line.
func withoutField(head []byte, name string) []byte {
	var out []byte
	for _, line := range headLines(head) {
		if key, _, _ := strings.Cut(line, ":"); line != "" && !strings.EqualFold(strings.TrimSpace(key), name) {
			out = append(append(out, line...), "\r\n"...)
		}
	}
	return out
}

func isChunked(head []byte) bool {
	v, _ := fieldOf(head, "transfer-encoding")
	last := v[strings.LastIndexByte(v, ',')+1:]
	return strings.EqualFold(strings.TrimSpace(last), "chunked")
}

// frameHead returns a message of the given header lines, to which Content-Length is
// added, or the body is written as a chunk where they say so.
func (f Framing) frameHead(head, body []byte) ([]byte, error) {
	if f.Kind == HTTP && len(head) == 0 {
		return nil, errors.New(`the head is missing: write {message: …, header: "POST / HTTP/1.1\r\nHost: a\r\n"}`)
	}
	lines := headLines(head)
	if i := slices.Index(lines, ""); i >= 0 && len(head) > 0 {
		return nil, errors.New("the header has an empty line, which harness adds behind it")
	}
	var out bytes.Buffer
	for _, line := range lines {
		if line != "" {
			out.WriteString(line + "\r\n")
		}
	}
	if f.Kind == HTTP && isChunked(head) {
		out.WriteString("\r\n")
		if len(body) > 0 {
			fmt.Fprintf(&out, "%x\r\n%s\r\n", len(body), body)
		}
		out.WriteString("0\r\n\r\n")
		return out.Bytes(), nil
	}
	if _, ok := fieldOf(head, "content-length"); ok {
		return nil, errors.New("the header has a Content-Length, which harness adds")
	}
	fmt.Fprintf(&out, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return out.Bytes(), nil
}

// cutHead measures a message of header lines, an empty line and a body.
func (f Framing) cutHead(b []byte, p *progress, eof bool) (span, bool, error) {
	if p.header == 0 {
		if f.Kind == HTTP {
			if err := checkStartLine(b); err != nil {
				return span{}, false, err
			}
		}
		n, err := headLength(b, p)
		if err != nil || n == 0 {
			return span{}, false, err
		}
		p.header, p.at = n, n
	}
	head := b[:p.header]
	if f.Kind == HTTP && f.lacksBody(head) {
		return span{header: p.header}, true, nil
	}
	if f.Kind == HTTP && isChunked(head) {
		return f.cutChunks(b, p)
	}
	length, known, err := contentLength(head)
	switch {
	case err != nil:
		return span{}, false, err
	case !known && f.Kind == ContentLength:
		return span{}, false, errors.New("the header has no Content-Length")
	case !known && isResponse(head):
		return span{header: p.header, body: len(b) - p.header}, eof, nil
	}
	if err := f.checkLength(length); err != nil {
		return span{}, false, err
	}
	return bodySpan(b, span{header: p.header, body: int(length)})
}

// checkStartLine refuses what begins neither a request nor a response.
func checkStartLine(b []byte) error {
	line, _, whole := bytes.Cut(b, []byte("\n"))
	switch {
	case len(line) > 0 && (line[0] <= ' ' || line[0] > '~'), whole && !bytes.Contains(line, []byte("HTTP/")):
		return fmt.Errorf("%q is no line of HTTP/1 that a message begins with", line[:min(len(line), 40)])
	case !whole && len(line) > longestHead:
		return fmt.Errorf("the first line has more than %d bytes", longestHead)
	}
	return nil
}

func isResponse(head []byte) bool { return bytes.HasPrefix(head, []byte("HTTP/")) }

// statusOf returns the status of a response, 0 of anything else.
func statusOf(head []byte) int {
	if !isResponse(head) {
		return 0
	}
	line := headLines(head)[0]
	_, rest, _ := strings.Cut(line, " ")
	text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	status, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return status
}

// lacksBody reports whether a response has no body whatever its header says: RFC 9112
// §6.3.
func (f Framing) lacksBody(head []byte) bool {
	status := statusOf(head)
	switch {
	case 100 <= status && status < 200, status == 204, status == 304:
		return true
	}
	return isResponse(head) && f.bodiless&1 != 0
}

// contentLength returns the length that the header says; several equal ones are one.
func contentLength(head []byte) (length uint64, known bool, err error) {
	v, ok := fieldOf(head, "content-length")
	if !ok {
		return 0, false, nil
	}
	for i, text := range strings.Split(v, ",") {
		text = strings.TrimSpace(text)
		n, err := strconv.ParseUint(text, 10, 64)
		switch {
		case err != nil:
			return 0, false, fmt.Errorf("Content-Length %q is no number that fits", text[:min(len(text), 40)])
		case i > 0 && n != length:
			return 0, false, fmt.Errorf("the header has two lengths, %d and %d", length, n)
		}
		length = n
	}
	return length, true, nil
}

// cutChunks measures a chunked body. The last chunk and the trailers are the
// message's delimiter.
func (f Framing) cutChunks(b []byte, p *progress) (span, bool, error) {
	for {
		line, next, ok := lineAt(b, p.at)
		if !ok {
			if len(b)-p.at > longestChunkLine {
				return span{}, false, fmt.Errorf("the size of a chunk, at byte %d, has no line end", p.at)
			}
			return span{}, false, nil
		}
		size, err := chunkSize(line)
		if err == nil && size == 0 {
			return cutTrailers(b, p, next)
		}
		if err == nil {
			err = f.checkLength(size + uint64(p.at-p.header))
		}
		if err != nil {
			return span{}, false, fmt.Errorf("the chunk at byte %d: %w", p.at, err)
		}
		end := next + int(size)
		if len(b) < end+2 {
			return span{}, false, nil
		}
		if b[end] != '\r' || b[end+1] != '\n' {
			return span{}, false, fmt.Errorf("the chunk at byte %d is followed by %q, not by a line end", p.at, b[end:end+2])
		}
		p.at = end + 2
	}
}

// cutTrailers measures from the last chunk, whose line ends at next, to the empty line.
func cutTrailers(b []byte, p *progress, next int) (span, bool, error) {
	for at := next; ; {
		line, after, ok := lineAt(b, at)
		switch {
		case !ok && len(b)-p.at > longestHead:
			return span{}, false, fmt.Errorf("the trailers have more than %d bytes", longestHead)
		case !ok:
			return span{}, false, nil
		case len(line) == 0:
			return span{header: p.header, body: p.at - p.header, delimiter: after - p.at}, true, nil
		}
		at = after
	}
}

// lineAt returns the line that begins at an offset, without its end, and where the
// next one begins.
func lineAt(b []byte, at int) (line []byte, next int, ok bool) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 {
		return nil, 0, false
	}
	return bytes.TrimSuffix(b[at:at+i], []byte("\r")), at + i + 1, true
}

// chunkSize reads the size of a chunk; an extension follows a semicolon.
func chunkSize(line []byte) (uint64, error) {
	text, _, _ := bytes.Cut(line, []byte(";"))
	text = bytes.TrimSpace(text)
	size, err := strconv.ParseUint(string(text), 16, 64)
	if err != nil || size > math.MaxInt32 {
		return 0, fmt.Errorf("%q is no size of a chunk that fits", text[:min(len(text), 40)])
	}
	return size, nil
}

// joinChunks returns what the chunks of a body hold; the last chunk is not among them.
func joinChunks(raw []byte) []byte {
	var out []byte
	for at := 0; at < len(raw); {
		line, next, ok := lineAt(raw, at)
		size, err := chunkSize(line)
		if !ok || err != nil || next+int(size) > len(raw) {
			return out
		}
		out = append(out, raw[next:next+int(size)]...)
		at = next + int(size) + 2
	}
	return out
}

// AnsweringTo returns the framing of the answers to what a client sends: the answer to a
// HEAD request has no body, and which of the answers that is has to be known before.
func (f Framing) AnsweringTo(requests []byte) Framing {
	f.bodiless = 0
	if f.Kind != HTTP {
		return f
	}
	for n := 0; len(requests) > 0 && n < 64; n++ {
		s, ok, err := f.measureFirst(requests, nil, true)
		if !ok || err != nil {
			break
		}
		if bytes.HasPrefix(requests, []byte("HEAD ")) {
			f.bodiless |= 1 << n
		}
		requests = requests[s.totalSize():]
	}
	return f
}

// after returns the framing of what follows the message: a final answer of HTTP is
// followed by that to the next request.
func (f Framing) after(message []byte) Framing {
	if status := statusOf(startLine(message)); f.bodiless != 0 && status >= 200 {
		f.bodiless >>= 1
	}
	return f
}

// afterPieces is after for bytes that may be no whole message, or several.
func (f Framing) afterPieces(b []byte) Framing {
	for f.bodiless != 0 && len(b) > 0 {
		s, ok, err := f.measureFirst(b, nil, true)
		if !ok || err != nil {
			break
		}
		f, b = f.after(b[:s.totalSize()]), b[s.totalSize():]
	}
	return f
}

func startLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i]
	}
	return b
}
