package capture_test

import (
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A dissected packet is what tshark says of one.
type dissected struct {
	leg, from, payload, comment string
	fin, rst                    bool
}

// dissect has tshark read a file. It must find nothing odd in the order of the packets, in
// sequence numbers or in checksums.
func dissect(t *testing.T, path string) []dissected {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("NOT TESTED: tshark is not installed (fixtures/tools.sh, Debian package tshark), so that nobody else reads our pcapng files")
	}
	options := []string{"-r", path, "-n", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-d", "tcp.port==1-65535,data", // or it takes the bytes of some ports for another protocol
		"-T", "fields", "-E", "separator=|"}
	for _, field := range []string{"frame.interface_id", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin", "tcp.flags.reset", "tcp.payload",
		"tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment", "tcp.analysis.out_of_order", "tcp.analysis.retransmission", "_ws.malformed",
		"tcp.checksum.status", "ip.checksum.status", "frame.comment"} {
		options = append(options, "-e", field)
	}
	out, err := exec.Command("tshark", options...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var packets []dissected
	serverPorts := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		f := strings.SplitN(line, "|", 16)
		if len(f) != 16 {
			t.Fatalf("tshark says %q", line)
		}
		if odd := strings.Join(f[8:15], ","); odd != ",,,,,1,1" {
			t.Errorf("tshark finds something odd: %s in %s", odd, line)
		}
		is := func(i int) bool { return f[i] == "1" || f[i] == "True" }
		if is(3) && !is(4) {
			serverPorts[f[0]] = f[2]
		}
		from := "client"
		if f[1] == serverPorts[f[0]] {
			from = "server"
		}
		payload, err := hex.DecodeString(f[7])
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, dissected{leg: f[0], from: from, payload: string(payload), comment: f[15], fin: is(5), rst: is(6)})
	}
	return packets
}

// sumUp returns what one of the two ends of a leg has sent, byte for byte, and how it has
// ended.
func sumUp(packets []dissected, leg, from string) string {
	text := ""
	for _, p := range packets {
		if p.leg != leg || p.from != from {
			continue
		}
		text += p.payload
		if p.fin {
			text += " FIN"
		}
		if p.rst {
			text += " RST"
		}
	}
	return text
}

// A stranger's program agrees about the bytes and the ends on both legs, and says on
// which packet the fault has struck.
func TestTsharkReadsRecordings(t *testing.T) {
	at := func(kind string) *spec.Spec {
		spec, err := toxics.ParseFlag(kind + " direction=downstream at.byte=5")
		if err != nil {
			t.Fatal(err)
		}
		return &spec
	}
	tests := []struct {
		name                                         string
		toxic                                        *spec.Spec
		clientSent, clientGot, serverGot, serverSent string // on the legs of each
		struck                                       string
	}{
		{"without a fault", nil, "hello FIN", "hello yourself FIN", "hello FIN", "hello yourself FIN", ""},
		{"half-close", at("half_close"), "hello FIN", "hello FIN", "hello FIN", "hello yourself", "half_close_downstream struck downstream at byte 5"},
		{"reset", at("reset"), "hello FIN", "hello RST", "hello FIN RST", "hello yourself", "reset_downstream struck downstream at byte 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec, _, _ := record(t, tt.toxic, "hello yourself")
			packets := dissect(t, writeRecording(t, rec))
			for _, side := range []struct{ what, leg, from, want string }{
				{"the client sent", "0", "client", tt.clientSent}, {"the client got", "0", "server", tt.clientGot},
				{"the server got", "1", "client", tt.serverGot}, {"the server sent", "1", "server", tt.serverSent},
			} {
				got := sumUp(packets, side.leg, side.from)
				if tt.struck != "" && side.what == "the server sent" {
					got = strings.TrimSuffix(got, " FIN") // it comes before or after the end of the connection
				}
				if got != side.want {
					t.Errorf("%s %q, want %q", side.what, got, side.want)
				}
			}
			if tt.struck == "" {
				return
			}
			for _, p := range packets {
				if strings.Contains(p.comment, tt.struck) {
					if p.leg != "0" || p.from != "server" || !p.fin && !p.rst {
						t.Errorf("the fault is said to have struck on %+v, want the end that the client got", p)
					}
					return
				}
			}
			t.Errorf("no packet has the comment %q: %+v", tt.struck, packets)
		})
	}
}

// The same of datagrams: each with its addresses and times, and the one that was dropped.
func TestTsharkReadsDatagrams(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("NOT TESTED: tshark is not installed (fixtures/tools.sh, Debian package tshark), so that nobody else reads our pcapng files")
	}
	path := writeRecording(t, recordDatagrams(t))
	options := []string{"-r", path, "-n", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
		"-d", "udp.port==1-65535,data", // or it takes the datagrams of some ports for another protocol
		"-T", "fields", "-E", "separator=|"}
	for _, field := range []string{"frame.interface_id", "udp.payload", "udp.checksum.status", "ip.checksum.status", "_ws.malformed", "frame.comment"} {
		options = append(options, "-e", field)
	}
	out, err := exec.Command("tshark", options...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := []string{"0|one|1|1||association 1: client and proxy", "1|one|1|1||association 1: proxy and server", "1|ONE|1|1||", "0|ONE|1|1||",
		"0|two|1|1||drop_upstream struck upstream at byte "}
	if len(lines) != len(want) {
		t.Fatalf("tshark says %q, want %d packets", lines, len(want))
	}
	for i, line := range lines {
		f := strings.SplitN(line, "|", 3)
		payload, err := hex.DecodeString(f[1])
		if got := f[0] + "|" + string(payload) + "|" + f[2]; err != nil || !strings.HasPrefix(got, want[i]) {
			t.Errorf("packet %d: got %s, %v, want %s", i, got, err, want[i])
		}
	}
}
