package runner

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/spec"
)

// udpServerProgram answers datagrams in upper case.
func udpServerProgram(port string) int {
	conn, err := net.ListenPacket("udp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	buffer := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return 1
		}
		if _, err := conn.WriteTo(bytes.ToUpper(buffer[:n]), from); err != nil {
			return 1
		}
	}
}

// udpClientProgram sends each line of conversation as a datagram, up to three times.
func udpClientProgram(address string) int {
	conn, err := net.Dial("udp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	defer conn.Close()
	buffer := make([]byte, 4096)
	for _, line := range []string{"hello\n", "world\n"} {
		n := 0
		for range 3 {
			if _, err = conn.Write([]byte(line)); err != nil {
				break
			}
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if n, err = conn.Read(buffer); err == nil {
				break
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "no answer:", err)
			return 1
		}
		os.Stdout.Write(buffer[:n])
	}
	return 0
}

func datagramTarget(t *testing.T, role scenario.Role) scenario.Target {
	t.Helper()
	target := programTarget(t, role)
	source := &scenario.Source{File: "upper.yaml", Text: []byte("dialogue: upper\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\n  - {send: \"world\\n\", expect: \"WORLD\\n\"}\n")}
	if role == scenario.Client {
		target.Server.Dialogue, target.Client.Command[1] = source, "program-udp-client"
	} else {
		target.Client.Dialogue, target.Server.Command[1] = source, "program-udp-server"
	}
	target.Server.Transport = scenario.UDP
	return target
}

func dropping(d event.Direction, expect scenario.Expectation) scenario.Variant {
	return scenario.Variant{Name: "lost", Expect: []scenario.Expectation{expect},
		Faults: []spec.Spec{{Name: "drop_" + d.String(), Type: "drop", Direction: d, Attributes: map[string]any{"only": true}, At: spec.Trigger{Segment: 1}}}}
}

// Both the harness as the client and a client program send a lost datagram again.
func TestDatagramsAreLostAndRepeated(t *testing.T) {
	want(t, play1(t, datagramTarget(t, scenario.Server), playing(dropping(event.Downstream, scenario.ExpectCompletion()))), outcome.Pass)

	s := playing(dropping(event.Downstream, scenario.FailsOrRecovers()))
	s.Roles = scenario.ClientRole()
	want(t, play1(t, datagramTarget(t, scenario.Client), s), outcome.Pass)
}

// A datagram that is not in the dialogue makes the control fail, and is shown.
func TestDatagramControlSaysWhatTheClientSent(t *testing.T) {
	target := datagramTarget(t, scenario.Client)
	target.Server.Dialogue.Text = bytes.ReplaceAll(target.Server.Dialogue.Text, []byte("world"), []byte("other"))
	s := playing(dropping(event.Downstream, scenario.FailsOrRecovers()))
	s.Roles = scenario.ClientRole()
	want(t, play1(t, target, s), outcome.Blocked, `it sent "world\n", which is no request of the dialogue`)
}

// Each variant runs under each profile too. The traffic of a failed one is recorded.
func TestProfilesAndRecordings(t *testing.T) {
	folder := t.TempDir()
	r := New(Config{Seed: 1, Budget: 500 * time.Millisecond, Tmp: t.TempDir(), Profiles: []string{"coalesce"}, Pcap: folder})
	defer r.Close()
	s := playing(scenario.Variant{Name: "cut", Faults: []spec.Spec{scenario.SplitAt(event.Upstream, 2)}, Expect: []scenario.Expectation{scenario.EndsBy(event.Reset)}})
	results := r.RunScenario(t.Context(), serve(t, upper), s)
	if len(results) != 2 || !strings.Contains(results[1].Variant, "coalesce") {
		t.Fatalf("got %+v, want the variant, and the same under coalesce", results)
	}
	for _, one := range results {
		if one.Verdict != outcome.Fail || len(one.Captures) == 0 {
			t.Errorf("%s: got %s with %q, want a failure with recordings", one.Variant, one.Verdict, one.Captures)
		}
		for _, path := range one.Captures {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v, want a file that is not empty", path, err)
			}
		}
	}
}
