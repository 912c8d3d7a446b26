package dialogue

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/plural"
)

// A FramingKind is a way to tell where a message ends.
type FramingKind uint8

// The kinds of framing.
const (
	None          FramingKind = iota // it cannot be told
	Line                             // a message ends with a line end
	LengthPrefix                     // a header holds the length, as an integer of fixed size
	Fixed                            // every message has the same length
	UntilEOF                         // a message ends with the stream
	Markers                          // a message ends, and may begin, with given bytes
	Varint                           // a header ends with the length, seven bits a byte (MQTT, protobuf)
	ASCIILength                      // a message begins with its length in digits
	WebSocket                        // RFC 6455: a length of 7, 16 or 64 bits; HTTP heads before
	ContentLength                    // header lines, one of them Content-Length, an empty line, a body (LSP)
	HTTP                             // HTTP/1: Content-Length, chunks, or until the end of the stream
	RESP                             // the Redis protocol
)

var framingKinds = [...]string{"none", "line", "length-prefix", "fixed", "until-eof", "markers", "varint", "ascii-length",
	"websocket", "content-length", "http", "resp"}

// String returns the kind as it is written in a dialogue.
func (k FramingKind) String() string { return framingKinds[k] }

// Counts is what the length in a header counts.
type Counts uint8

// What a length counts.
const (
	CountsPayload       Counts = iota // what follows the header
	CountsRest                        // what follows the length
	CountsWhole                       // the whole message
	CountsLengthAndRest               // the length itself and what follows it (PostgreSQL)
)

var countsNames = [...]string{"payload", "rest", "whole", "length-and-rest"}

// String returns what is counted as it is written in a dialogue.
func (c Counts) String() string { return countsNames[c] }

// CountsNames returns the words for what a length may count.
func CountsNames() []string { return countsNames[:] }

// A Framing tells where messages begin and end. The zero Framing is none.
type Framing struct {
	Kind         FramingKind // which framing; the fields below belong to the kinds they name
	CRLF         bool        // Line: the delimiter is CR LF, not LF
	EitherEnd    bool        // Line: the delimiter is LF or CR LF
	Offset       int         // LengthPrefix, Varint: bytes of the header before the length
	Bytes        int         // LengthPrefix: bytes of the length, 1 to 8; Varint: at most, 1 to 10; ASCIILength: digits, 0 where End ends them
	Header       int         // LengthPrefix: bytes of the whole header; 0: it ends with the length
	LittleEndian bool        // LengthPrefix: order of the length's bytes
	Counts       Counts      // LengthPrefix, ASCIILength
	Base         int         // ASCIILength: 10 or 16
	Start        string      // Markers: bytes that a message begins with; may be empty
	End          string      // Markers: bytes that end a message; ASCIILength: bytes that end the digits
	Trailer      string      // ASCIILength: bytes that follow the payload
	Max          int64       // largest body in bytes; 0: MaxBytes
	Size         int         // Fixed: length of a message in bytes

	client   bool   // WebSocket: the message is the client's, so that it is masked
	bodiless uint64 // HTTP: bit n is set where the n-th answer has no body, because it answers HEAD
}

// A span is the extent of one message's parts, in bytes.
type span struct{ header, body, delimiter int }

func (s span) totalSize() int { return s.header + s.body + s.delimiter }

// A progress is how far the first message of bytes that grow has been measured, so
// that no byte is looked at again. The zero progress is that of a new message.
type progress struct {
	at      int    // bytes that need not be looked at again
	header  int    // bytes of the header, once it is whole
	pending uint64 // RESP: values that must still come
	begun   bool
}

func (f Framing) delimiterText() string {
	switch {
	case f.Kind == Markers:
		return f.End
	case f.Kind != Line:
		return ""
	case f.CRLF:
		return "\r\n"
	}
	return "\n"
}

// maxOverhead is what FrameBody adds at most to a header and a body.
func (f Framing) maxOverhead() int64 {
	const longest = 64 // "Content-Length: …", an empty line, the sizes of two chunks
	return longest + int64(f.Header+f.Bytes+len(f.Start)+len(f.End)+len(f.Trailer))
}

// FrameBody returns body as one message. It is an error if the framing cannot carry
// it: a delimiter inside, a body of another length, one that is too long, a header
// that holds more than the length (see [Framing.FrameWith]).
func (f Framing) FrameBody(body []byte) ([]byte, error) { return f.FrameWith(nil, body) }

// FrameWith returns body as one message whose header holds, besides the length, the
// given bytes: those before and behind the length, or of HTTP its lines. A nil head
// is that of a message without anything besides the length.
func (f Framing) FrameWith(head, body []byte) ([]byte, error) {
	if err := f.checkBody(head, body); err != nil {
		return nil, err
	}
	switch f.Kind {
	case Line, Markers:
		return slices.Concat([]byte(f.Start), body, []byte(f.delimiterText())), nil
	case LengthPrefix:
		return f.framePrefixed(head, body)
	case Varint:
		return f.frameVarint(head, body)
	case ASCIILength:
		return f.frameDigits(body)
	case WebSocket:
		return f.frameWebSocket(head, body)
	case ContentLength, HTTP:
		return f.frameHead(head, body)
	case RESP:
		return frameBulk(body), nil
	}
	return body, nil
}

// checkBody refuses what no message of the framing can hold.
func (f Framing) checkBody(head, body []byte) error {
	takesHead := f.Kind == LengthPrefix || f.Kind == Varint || f.Kind == WebSocket || f.Kind == ContentLength || f.Kind == HTTP
	switch {
	case head != nil && !takesHead:
		return fmt.Errorf("a message of framing %s has no header to write", f.Kind)
	case f.hasLength() && int64(len(body)) > f.maxBody():
		return fmt.Errorf("the message has %s, but the framing allows at most %d", plural.Count(len(body), "byte"), f.maxBody())
	case f.Kind == Fixed && len(body) != f.Size:
		return fmt.Errorf("the message has %s, but the framing is fixed at %s", plural.Count(len(body), "byte"), plural.Count(f.Size, "byte"))
	case f.Kind != Line && f.Kind != Markers:
		return nil
	}
	if i := bytes.Index(body, []byte(f.delimiterText())); i >= 0 {
		return fmt.Errorf("the message contains its delimiter, at byte %d", i)
	}
	if f.EitherEnd && bytes.HasSuffix(body, []byte("\r")) {
		return errors.New("the message ends with CR, which would be part of the line end")
	}
	// With a delimiter such as "\n\n", a body that ends with "\n" would end early.
	whole := slices.Concat(body, []byte(f.delimiterText()))
	if i := bytes.Index(whole, []byte(f.delimiterText())); i < len(body) {
		return fmt.Errorf("the message and its delimiter together have a delimiter at byte %d", i)
	}
	return nil
}

// FromClient returns the framing of what a client sends: WebSocket masks it.
func (f Framing) FromClient() Framing {
	f.client = true
	return f
}

// hasLength reports whether a message of the framing says how long it is.
func (f Framing) hasLength() bool {
	switch f.Kind {
	case LengthPrefix, Varint, ASCIILength, WebSocket, ContentLength, HTTP, RESP:
		return true
	}
	return false
}

// FrameLike returns body as one message with the header of example, which is one
// message too, but for the length. It is an error if the framing cannot carry it.
func (f Framing) FrameLike(example, body []byte) ([]byte, error) {
	s, ok, err := f.measureFirst(example, nil, true)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("the example is no whole message")
	}
	switch f.Kind {
	case LengthPrefix, Varint, WebSocket, ContentLength, HTTP:
		return f.FrameWith(f.headOf(example[:s.header]), body)
	case Line: // one of the two line ends, where either is allowed
		f.CRLF = s.delimiter == 2
	case RESP:
		if example[0] != '$' {
			return nil, fmt.Errorf("a message that is no bulk string has no body to replace")
		}
	}
	return f.FrameBody(body)
}

// headOf returns what a header holds besides the length.
func (f Framing) headOf(header []byte) []byte {
	switch f.Kind {
	case LengthPrefix:
		return slices.Concat(header[:f.Offset], header[f.Offset+f.Bytes:])
	case Varint:
		return header[:f.Offset]
	case WebSocket:
		return header[:1]
	}
	return withoutField(header, "content-length")
}

func (f Framing) maxBody() int64 {
	if f.Max > 0 {
		return f.Max
	}
	return MaxBytes
}

// FirstMessage measures the first message of b and returns its body: of a chunked
// HTTP message the joined chunks, of a masked WebSocket message the bytes behind the
// mask. ok is false while b does not hold all of it; eof says that no more will come.
// The error says why b cannot be the beginning of a message.
func (f Framing) FirstMessage(b []byte, eof bool) (body []byte, size int, ok bool, err error) {
	s, ok, err := f.measureFirst(b, nil, eof)
	if !ok || err != nil {
		return nil, 0, false, err
	}
	return f.bodyOf(b[:s.totalSize()], s), s.totalSize(), true, nil
}

// bodyOf returns what a message of the given extent says.
func (f Framing) bodyOf(message []byte, s span) []byte {
	raw := message[s.header : s.header+s.body]
	switch {
	case f.Kind == HTTP && isChunked(message[:s.header]):
		return joinChunks(raw)
	case f.Kind == WebSocket:
		return unmask(message[:s.header], raw)
	}
	return raw
}

// measureFirst measures the first message of b. ok is false while b does not hold all of
// it; p is how far earlier calls with less of the same bytes have come, nil for none.
// The error says why b cannot be the beginning of a message.
func (f Framing) measureFirst(b []byte, p *progress, eof bool) (s span, ok bool, err error) {
	if p == nil {
		p = &progress{}
	}
	switch f.Kind {
	case Line:
		return f.cutLine(b, p)
	case Markers:
		return f.cutMarked(b, p)
	case Fixed:
		return span{body: f.Size}, len(b) >= f.Size, nil
	case LengthPrefix:
		return f.cutPrefixed(b)
	case UntilEOF:
		return span{body: len(b)}, eof, nil
	case Varint:
		return f.cutVarint(b)
	case ASCIILength:
		return f.cutDigits(b)
	case WebSocket:
		return f.cutWebSocket(b, p)
	case ContentLength, HTTP:
		return f.cutHead(b, p, eof)
	case RESP:
		return f.cutRESP(b, p)
	}
	return span{}, false, nil
}

// bodySpan returns the extent of a message whose length is known.
func bodySpan(b []byte, s span) (span, bool, error) { return s, len(b) >= s.totalSize(), nil }
