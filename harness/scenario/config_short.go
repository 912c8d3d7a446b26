package scenario

import (
	"regexp"
	"strings"

	"github.com/sockharness/harness/harness/strictyaml"
)

// anAddress is host:port, or a unix socket.
var anAddress = regexp.MustCompile(`^(unix:\S+|@\S+|(\[[0-9A-Fa-f:.]+\]|[\w.-]*):\d+)$`)

// shortPeerKey is the key that a peer of one word stands for: people write
// `server: python3 s.py {port}` and `client: dialogue.yaml`, and either can mean one
// thing only.
func shortPeerKey(n *strictyaml.Node) string {
	switch text := n.Text(); {
	case n.Kind() == strictyaml.List:
		return "command"
	case n.Kind() != strictyaml.Text:
		return ""
	case anAddress.MatchString(text):
		return "address"
	case !strings.Contains(text, " ") && (strings.HasSuffix(text, ".yaml") || strings.HasSuffix(text, ".yml")):
		return "dialogue"
	}
	return "command"
}

// addOtherPeer makes the dialogue that stands beside one peer the other one.
func (d *configDecoder) addOtherPeer(t *Target, n *strictyaml.Node) {
	switch {
	case n == nil:
	case t.Client.Absent() && !t.Server.Absent():
		t.Client.Dialogue = d.decodeDialogue(n)
	case t.Server.Absent() && !t.Client.Absent():
		t.Server.Dialogue = d.decodeDialogue(n)
	default:
		d.ReportError(n, "a dialogue of the target stands beside a server or a client, which speaks with it", "give one of them")
	}
}
