package proxy

import (
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// made returns a toxic of the catalogue.
func made(t *testing.T, spec spec.Spec) Toxic {
	t.Helper()
	spec.Direction = event.Downstream
	m, err := toxics.MakeToxic(spec)
	if err != nil {
		t.Fatal(err)
	}
	return Toxic{Name: m.Name, Toxic: m.Instance, BufferSize: m.BufferSize, Direction: m.Direction,
		Toxicity: m.Toxicity, Connection: m.Connection}
}

func at(n int64) spec.Trigger { return spec.Trigger{Byte: &n} }

// The toxics of the catalogue that end a stream do so on real sockets.
func TestCatalogueEndings(t *testing.T) {
	const sent = "0123456789"
	for name, test := range map[string]struct {
		spec           spec.Spec
		data           string
		client, server event.Ending
	}{
		"reset_peer": {spec.Spec{Type: "reset_peer"}, "", event.Reset, event.Reset},
		"reset":      {spec.Spec{Type: "reset", At: at(4)}, "0123", event.Reset, event.Reset},
		"vanish":     {spec.Spec{Type: "vanish", At: at(4)}, "0123", event.EOF, event.EOF},
		"limit_data": {spec.Spec{Type: "limit_data", Attributes: map[string]any{"bytes": 4}}, "0123", event.EOF, event.EOF},
		"pattern":    {spec.Spec{Type: "reset", At: spec.Trigger{Pattern: []byte("56")}}, "0123456", event.Reset, event.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, with(made(t, test.spec)))
			client, server := r.pair()
			send(t, server, sent)
			wantEnding(t, client, test.data, test.client)
			wantEnding(t, server, "", test.server)
			r.wantClosed()
			r.wantEvent("struck", func(e event.Event) bool {
				return e.Kind == event.Struck && e.Offset == int64(len(test.data))
			})
		})
	}
}

func TestCatalogueHalfCloseAfterRead(t *testing.T) {
	r := newRig(t, with(made(t, spec.Spec{Type: "half_close", At: at(4), Attributes: map[string]any{"after_read": true}})))
	client, server := r.pair()
	send(t, server, "0123456789")
	awaitInput(t, client, 4)
	send(t, client, "still open")
	wantRead(t, server, "still open")
	wantEnding(t, client, "0123", event.EOF)
	r.wantEvent("deliver", func(e event.Event) bool {
		return e.Kind == event.BoundaryRead && e.Offset == 4 && e.Detail == "verified"
	})
	send(t, client, "and after")
	wantRead(t, server, "and after")
}

func TestCatalogueSlicesAreRead(t *testing.T) {
	r := newRig(t, with(made(t, spec.Spec{Type: "slice", Attributes: map[string]any{"sizes": []any{1, 2, 3}}})))
	client, server := r.pair()
	send(t, server, "abbcccdeefff")
	buf := make([]byte, 100)
	for _, want := range []string{"a", "bb", "ccc", "d", "ee", "fff"} {
		n, err := client.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("read %q, %v, want %q", buf[:n], err, want)
		}
	}
}

// A trigger that waits for the answer strikes when the other direction carries
// its first byte, and not before.
func TestCatalogueAnswerTrigger(t *testing.T) {
	r := newRig(t, with(made(t, spec.Spec{Type: "half_close", At: spec.Trigger{Event: "answer"}})))
	client, server := r.pair()
	send(t, server, "before") // downstream, the direction of the toxic
	wantRead(t, client, "before")
	send(t, client, "answer")
	wantRead(t, server, "answer")
	wantEnding(t, client, "", event.EOF)
	send(t, client, "still open")
	wantRead(t, server, "still open")
}
