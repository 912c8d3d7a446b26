//go:build unix

package runner

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
)

// A worker that takes the control of another one knows what is said before TLS.
func TestSharedControlHasTheOpening(t *testing.T) {
	text := "dialogue: d\nframing: {line: crlf}\nexchanges:\n  - {send: \"STARTTLS\\r\\n\", expect: \"220 go\\r\\n\", tls: start}\n  - {send: \"NOOP\\r\\n\", expect: \"250 OK\\r\\n\"}\n"
	target := scenario.Target{Name: "t", Test: scenario.Client, Client: scenario.Peer{Command: []string{"true", "{addr}"}},
		Server: scenario.Peer{Dialogue: &scenario.Source{File: "d.yaml", Text: []byte(text)}}}
	tmp := t.TempDir()
	shared := rig.NewShared(tmp)
	defer shared.Close()
	run := newTargetRun(Config{Seed: 1, Tmp: tmp}, shared, target)
	defer run.closeAll()
	if err := run.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	asked, file := []byte("STARTTLS\r\n"), filepath.Join(tmp, "control.json")
	if err := run.writeControl(file, scenario.Conversation{Before: run.ClientOpening(asked)}); err != nil {
		t.Fatal(err)
	}
	c, err := run.readControl(file)
	if err != nil || c.Before == nil || !bytes.Equal(c.Before.Upstream.Bytes, asked) || c.Before.Downstream.ByteCount() != 8 {
		t.Errorf("got %+v, %v, want %q before TLS", c.Before, err, asked)
	}
}
