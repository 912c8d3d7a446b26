package dialogue

import (
	"slices"
	"strings"
	"testing"
)

// Messages end at the same bytes however the stream comes.
func TestCutterIsTheSameHoweverTheStreamComes(t *testing.T) {
	for text, c := range map[string]struct {
		stream string
		want   []int
	}{
		"line":                        {"a\n\nbcd\nrest", []int{2, 3, 7}},
		"line=crlf":                   {"a\r\nb\nc\r\n", []int{3, 8}},
		"length-prefix=2":             {"\x00\x03abc\x00\x00\x00\x01x\x00\x09y", []int{5, 7, 10}},
		"fixed=4":                     {"abcdefghij", []int{4, 8}},
		"resp":                        {"+OK\r\n*2\r\n$1\r\na\r\n$2\r\nbc\r\n:1\r\n", []int{5, 24, 28}},
		"http":                        {"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET", []int{18, 59}},
		"netstring":                   {"3:abc,0:,12:", []int{6, 9}},
		"websocket":                   {"GET / HTTP/1.1\r\n\r\n\x81\x01a\x81\x7e\x00\x02bc", []int{18, 21, 27}},
		"mqtt":                        {"\x10\x02ab\xc0\x00", []int{4, 6}},
		`markers: {end: "\r\n.\r\n"}`: {"hello\r\n.\r\n..\r\n.\r\n", []int{10, 17}},
	} {
		f, err := ParseFraming(text)
		if err != nil {
			t.Fatal(err)
		}
		for size := 1; size <= len(c.stream); size++ {
			cutter, at, got := NewCutter(f), 0, []int(nil)
			for piece := range slices.Chunk([]byte(c.stream), size) {
				for len(piece) > 0 {
					n, whole, err := cutter.Cut(piece)
					if err != nil {
						t.Fatalf("%s: %v", text, err)
					}
					if n == 0 && !whole {
						t.Fatalf("%s in pieces of %d: nothing was cut at byte %d", text, size, at)
					}
					at, piece = at+n, piece[n:]
					if whole {
						got = append(got, at)
					}
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s in pieces of %d: got %v, want %v", text, size, got, c.want)
			}
		}
	}
}

func TestCutterRefusesWhatIsNoMessage(t *testing.T) {
	f, _ := ParseFraming("netstring")
	if _, _, err := NewCutter(f).Cut([]byte("hello")); err == nil {
		t.Error("no netstring begins like that")
	}
}

func TestFramingIsWrittenAsItIsRead(t *testing.T) {
	for _, text := range append(FramingNames(), "line: crlf", "line: either", "fixed: 64", "length-prefix: {bytes: 4}", "length-prefix: 2",
		"length-prefix: {bytes: 2, offset: 1, header: 9, order: little, counts: whole, max: 4096}", "varint: {offset: 2, bytes: 3}",
		`markers: {start: "<", end: {hex: 1c0d}}`, "ascii-length: {digits: 4, base: 16, counts: whole}", `ascii-length: {end: " ", trailer: "\n"}`) {
		f, err := ParseFraming(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again, err := ParseFraming(f.Text()); err != nil || again != f {
			t.Errorf("%s is written %s and read %+v (%v), want %+v", text, f.Text(), again, err, f)
		}
	}
	if _, err := ParseFraming("lines"); err == nil || !strings.Contains(err.Error(), "line") {
		t.Errorf("got %v, want a suggestion", err)
	}
}
