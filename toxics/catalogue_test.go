package toxics

import (
	"slices"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

func TestCatalogueIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range entries() {
		if seen[k.Name] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[k.Name] = true
		if k.Summary == "" || strings.Contains(k.Summary, "\n") || len(k.Summary) > 90 {
			t.Errorf("%s: summary %q is not one line", k.Name, k.Summary)
		}
		if len(k.Description) < 60 || len(k.Directions) == 0 || k.build == nil {
			t.Errorf("%s lacks a page, a direction or a constructor", k.Name)
		}
		for _, a := range k.Attributes {
			if a.Name == "" || a.Summary == "" || a.Kind == "" {
				t.Errorf("%s: attribute %+v lacks a name, a summary or a kind", k.Name, a)
			}
			if a.Kind != spec.Bool && a.Kind != spec.Word && a.Max <= a.Min {
				t.Errorf("%s: attribute %s has no range", k.Name, a.Name)
			}
		}
	}
	for _, name := range strings.Fields("noop latency bandwidth slicer limit_data slow_close timeout reset_peer " +
		"half_close reset vanish stall slice coalesce small_window corrupt inject unplug refuse limit_time packet_loss") {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestCatalogueHasToxiproxys compares with what the library registers.
func TestCatalogueHasToxiproxys(t *testing.T) {
	registerStrangers()
	for name := range tp.ToxicRegistry {
		k, ok := FindKind(name)
		if stranger := slices.Contains([]string{"shouter", "asking"}, name); !ok && name != "by_value" || k.Registered != stranger {
			t.Errorf("%s: found %v, registered %v", name, ok, k.Registered)
		}
	}
	if _, ok := FindKind("nothing"); ok {
		t.Error("found what is nowhere")
	}
}

// outlive runs a toxic through two chunks, an interrupt, and the end of the
// connection; every goroutine must be gone afterwards.
func outlive(t *testing.T, toxic Toxic) {
	w := newWire(t)
	ctx, cancel := contextOf(w)
	w.ctx = ctx
	b := &bench{t: t, wire: w, input: make(chan *stream.StreamChunk), out: make(chan *stream.StreamChunk)}
	b.toxic = toxic.Instance.(*engine.AttachableToxic).Attach(w)
	b.stub = tp.NewToxicStub(b.input, b.out)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for range b.out {
		}
	}()
	b.run()
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		for _, text := range []string{"hello", strings.Repeat("x", 300)} {
			select {
			case b.input <- &stream.StreamChunk{Data: []byte(text)}:
			case <-ctx.Done():
			}
		}
	}()
	b.interrupt()
	b.run()
	cancel()
	<-taken
	<-b.done
	b.stub.Close()
	<-drained
}

// TestEveryKindOutlivesItsConnection makes every kind with its defaults.
func TestEveryKindOutlivesItsConnection(t *testing.T) {
	for _, k := range Catalogue() {
		attributes := map[string]map[string]any{"slicer": {"average_size": 10}, "inject": {"data": "more"}}[k.Name]
		toxic, err := MakeToxic(spec.Spec{Type: k.Name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		outlive(t, toxic)
	}
}
