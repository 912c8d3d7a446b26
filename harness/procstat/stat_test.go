package procstat

import (
	"strings"
	"testing"
	"time"
)

const behindName = " S 7 8 9 0 -1 4194560 1 2 3 4 100 20 3 2 20 0 5 0 123456 1000 77 18446744073709551615 1 1"

func TestParse(t *testing.T) {
	want := Stat{State: 'S', Parent: 7, Group: 8, Session: 9, Threads: 5, CPU: 1250 * time.Millisecond, ChildCPU: 50 * time.Millisecond, StartTime: 123456, ResidentPages: 77}
	for _, name := range []string{"cat", "tmux: server", "(sd-pam)", ") Z 1 1 1 (", ""} {
		if got, complete := Parse([]byte("42 (" + name + ")" + behindName)); !complete || got != want {
			t.Errorf("name %q: got %+v, %v; want %+v", name, got, complete, want)
		}
		if state, ok := ParseState([]byte("42 (" + name + ")" + behindName)); !ok || state != 'S' {
			t.Errorf("name %q: got state %c, %v; want S", name, state, ok)
		}
	}
}

// A text that ends too early says nothing: half a number is another number.
func TestParseIncomplete(t *testing.T) {
	whole := "42 (cat)" + behindName
	for _, text := range []string{"", "42", "42 (cat", "42 (cat)", whole[:strings.Index(whole, " 1000")]} {
		if got, complete := Parse([]byte(text)); complete {
			t.Errorf("%q: got %+v, want incomplete", text, got)
		}
	}
	for _, text := range []string{"", "42 (cat", "42 (cat)", "42 (cat) "} {
		if state, ok := ParseState([]byte(text)); ok {
			t.Errorf("%q: got state %c, want none", text, state)
		}
	}
}

func TestDead(t *testing.T) {
	for state, want := range map[byte]bool{'R': false, 'S': false, 'T': false, 'Z': true, 'X': true} {
		if got := (Stat{State: state}).Dead(); got != want {
			t.Errorf("state %c: got dead %v, want %v", state, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("42 (cat)" + behindName))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, complete := Parse(text); complete && s.State == 0 {
			t.Errorf("got no state in %q", text)
		}
	})
}
