package sock_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/sockharness/harness/harness/sock"
)

// Attributes are padded to four bytes; one that is longer than the message, or shorter than its own
// header, ends it.
func TestAttributes(t *testing.T) {
	attribute := func(kind uint16, size int, value string) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(size))
		return append(binary.NativeEndian.AppendUint16(b, kind), value...)
	}
	two := append(attribute(7, 5, "a\x00\x00\x00"), attribute(8, 6, "bc")...)
	for _, c := range []struct {
		message []byte
		want    string
	}{
		{two, "7=a 8=bc "},
		{append(two[:8:8], attribute(9, 99, "x")...), "7=a "},
		{append(two[:8:8], attribute(9, 3, "")...), "7=a "},
		{two[:3], ""},
	} {
		got := ""
		for kind, value := range sock.Attributes(c.message) {
			got += fmt.Sprintf("%d=%s ", kind, value)
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.message, got, c.want)
		}
	}
	for range sock.Attributes(two) {
		break // a caller that has what it wants ends it
	}
}
