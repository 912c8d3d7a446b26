package explore

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// fiveLines is long enough for requests that leave together.
func fiveLines() string {
	text := "dialogue: lines\nframing: line\nexchanges:\n"
	for i := range 5 {
		text += fmt.Sprintf("  - {send: \"line %d\\n\", expect: \"LINE %d\\n\"}\n", i, i)
	}
	return text
}

// firstLine answers the first line of each read, and drops what comes with it.
func firstLine(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		line, _, _ := bytes.Cut(buf[:n], []byte("\n"))
		c.Write(append(bytes.ToUpper(line), '\n'))
	}
}

// TestRequestsThatLeaveTogether lets a server answer what no fault concerns at once. What is
// found is the same, and one that cannot do that is asked in order.
func TestRequestsThatLeaveTogether(t *testing.T) {
	for name, c := range map[string]struct {
		serve func(net.Conn)
		ahead bool
		want  string
	}{
		"right":        {rightServer, true, ""},
		"answers half": {answersHalf, true, "half-request-answered"},
		"first line":   {firstLine, false, "wrong-answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Target: target(serve(t, c.serve), fiveLines(), declared()), Role: scenario.Server, Seed: 1, Tmp: t.TempDir(), Faults: []Fault{Split, FIN, Reset, Coalesce, Corrupt}}
			e, err := newSearch(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer e.subject.close()
			if got := e.subject.(*serverSubject).ahead; got != c.ahead {
				t.Errorf("requests leave together: %v, want %v", got, c.ahead)
			}
			r := e.run(t.Context())
			if !strings.Contains(codes(r), c.want) || c.ahead && codes(r) != c.want || !r.Complete || r.NotReached > 0 {
				t.Errorf("found %q, complete %v, %d not reached", codes(r), r.Complete, r.NotReached)
			}
		})
	}
}
