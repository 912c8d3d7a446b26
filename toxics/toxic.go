package toxics

import (
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A Toxic is a Spec that was found valid, and what runs in its place.
type Toxic struct {
	spec.Spec                    // complete: name, toxicity and every attribute are set
	Instance   tp.Toxic          // for the link; can be attached
	BufferSize int               // capacity, in chunks, of the channel before it
	Window     hook.SocketLimits // to be set, before listen or connect, on the socket that receives in Direction
	Refuse     bool              // connection-level: the proxy refuses to connect, the link has nothing to do
	Watch      tp.Toxic          // for the opposite direction of the same connections, as it tells Instance when to strike; nil: nothing
}

// String returns the toxic as [ParseFlag] reads it.
func (t Toxic) String() string { return FormatFlag(t.Spec) }

// MakeToxic checks a Spec and builds its toxic. The error tells everything that is
// wrong with it, one line each.
func MakeToxic(given spec.Spec) (Toxic, error) {
	e, ok := findEntry(given.Type)
	if !ok {
		_, err := spec.LookupKind(Catalogue(), given.Type)
		return Toxic{}, err
	}
	complete, err := e.CompleteSpec(given)
	if err != nil {
		return Toxic{}, err
	}
	t := Toxic{Spec: complete}
	err = e.build(complete.Attributes, &t)
	if err == nil && t.Refuse {
		err = spec.CheckRefuse(t.Connection, t.Toxicity)
	}
	if err != nil {
		return Toxic{}, spec.PrefixErrors(err, "toxic "+given.Type+": ")
	}
	t.attachTrigger()
	return t, nil
}

// attachTrigger has the toxic wait for its trigger, and the opposite direction watched for it.
func (t *Toxic) attachTrigger() {
	f, ok := t.Instance.(*engine.AttachableToxic)
	if !ok {
		return
	}
	f.Seed = t.Seed
	if !t.At.IsZero() {
		f.Behavior = engine.NewTriggered(t.Name, t.At, f.Behavior)
	}
	if len(t.At.Opposite) > 0 {
		t.Watch = &engine.AttachableToxic{Behavior: engine.NewPatternKey(t.Name, t.At)}
	}
}
