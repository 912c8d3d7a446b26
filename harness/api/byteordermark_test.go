package api

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// inUTF16 is a text as PowerShell writes it, or in the other order.
func inUTF16(text string, order binary.AppendByteOrder) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// A configuration is read with whatever byte order mark an editor puts before it, and a
// mistake in it has its line and column.
func TestConfigurationsWithByteOrderMarks(t *testing.T) {
	const good, bad = `[{"name": "müller-😀", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}]`, "[\n {\"name\": 7}]"
	for name, write := range map[string]func(string) string{
		"none":                  func(text string) string { return text },
		"UTF-8":                 func(text string) string { return "\ufeff" + text },
		"UTF-16, little endian": func(text string) string { return inUTF16(text, binary.LittleEndian) },
		"UTF-16, big endian":    func(text string) string { return inUTF16(text, binary.BigEndian) },
	} {
		d, _ := serve(t, Config{})
		if n, err := d.PopulateFrom(t.Context(), strings.NewReader(write(good))); n != 1 || err != nil {
			t.Errorf("%s: got %d proxies, %v", name, n, err)
		}
		if _, err := d.findProxy("müller-😀"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := d.PopulateFrom(t.Context(), strings.NewReader(write(bad)))
		var where *SyntaxError
		if !errors.As(err, &where) || where.Line != 2 {
			t.Errorf("%s: got %v, want a mistake in line 2", name, err)
		}
	}
	for _, text := range []string{"\xff\xfe", "\xff\xfe[", "\xfe\xff\x00", "\xff\xfe\x00\xd8"} {
		d, _ := serve(t, Config{})
		if n, err := d.PopulateFrom(t.Context(), strings.NewReader(text)); n != 0 || err == nil {
			t.Errorf("%q: got %d proxies, %v", text, n, err)
		}
	}
}
