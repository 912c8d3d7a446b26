package runner

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// statusClient asks whether a server is up, and reads until it has all that end names, or
// until the connection ends.
func statusClient(address, end string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 3
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "STATUS\n"); err != nil {
		return 1
	}
	var got []byte
	for buffer := make([]byte, 64); !bytes.Contains(got, []byte(end)); {
		n, err := conn.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			break
		}
	}
	if !bytes.HasPrefix(got, []byte("200 ")) {
		return 1
	}
	fmt.Println("up")
	return 0
}

const statusTalk = `dialogue: status
framing: line
exchanges:
  - {send: "STATUS\n", expect: "200 all is well\n"}
end: client closes
`

// A client that reads the status of an answer and no more is right to report success when the
// rest does not come. One that waits for the rest, and takes the end for it, is not: only the
// connection that stays open tells them apart.
func TestClientThatNeedsNoMoreOfAnAnswer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, end string
		at        int64
		truncated scenario.Truncation
		verdict   outcome.Verdict
		level     outcome.Level
	}{
		{"status", "200 ", 9, scenario.TruncationUndeclared, outcome.Fail, outcome.Info},
		{"status", "200 ", 9, scenario.TruncationAccepted, outcome.Pass, outcome.Must},
		{"status", "200 ", 9, scenario.TruncationError, outcome.Fail, outcome.Must},
		{"status", "200 ", 2, scenario.TruncationUndeclared, outcome.Pass, outcome.Must}, // it fails
		{"line", "\n", 9, scenario.TruncationUndeclared, outcome.Fail, outcome.Must},
		{"line", "\n", 9, scenario.TruncationAccepted, outcome.Fail, outcome.Must},
	} {
		t.Run(fmt.Sprintf("%s at %d %s", tt.name, tt.at, tt.truncated), func(t *testing.T) {
			s := playing(scenario.Variant{Name: "cut", Expect: []scenario.Expectation{scenario.ReportsFailure()},
				Faults: []spec.Spec{scenario.FaultAt("half_close", event.Downstream, tt.at, nil)}})
			s.Roles = scenario.ClientRole()
			r := play1(t, scenario.Target{Name: "client", Test: scenario.Client,
				Server:   scenario.Peer{Dialogue: &scenario.Source{File: "status.yaml", Text: []byte(statusTalk)}},
				Client:   scenario.Peer{Command: []string{self, "program-status", "{addr}", tt.end}, Env: []string{"GORACE=atexit_sleep_ms=0"}},
				Policies: scenario.Policies{Truncated: tt.truncated}}, s)
			want(t, r, tt.verdict)
			if r.Level != tt.level {
				t.Errorf("got level %s, want %s: %+v", r.Level, tt.level, r)
			}
			if lowered := len(r.Remarks) > 0 && r.Remarks[0].Declare == needsMore; lowered != (tt.level == outcome.Info) {
				t.Errorf("got remarks %+v", r.Remarks)
			}
		})
	}
}
