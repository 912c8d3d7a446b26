package proxy

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

func faultsOf(t *testing.T, spec spec.Spec) []Toxic {
	t.Helper()
	m, err := toxics.MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	return FromToxic(m)
}

// What a link cannot do is refused by its name, not ignored.
func TestRefuseIsNoToxicOfALink(t *testing.T) {
	_, err := New(Config{Name: "p", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1", Toxics: faultsOf(t, spec.Spec{Type: "refuse"})})
	if err == nil || !strings.Contains(err.Error(), "toxic refuse_upstream: refuse applies to the port") {
		t.Errorf("got %v", err)
	}
}

// The window that a toxic speaks of is that of the sockets.
func TestWindowOfAToxicIsSet(t *testing.T) {
	list := faultsOf(t, spec.Spec{Type: "small_window", Attributes: map[string]any{"segment_size": 100}})
	p, err := New(Config{Name: "p", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1", Toxics: list,
		OnListen: hook.SocketLimits{SegmentSize: 200}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	if got := p.cfg.OnListen.SegmentSize; got != 100 {
		t.Errorf("segments of %d bytes, want 100", got)
	}
}
