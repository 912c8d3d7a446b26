package transport

import (
	"github.com/sockharness/harness/toxics"
)

// ToxicBody returns a toxic as the API takes it. The spec is one that was made, so that
// its attributes have their types.
func ToxicBody(spec toxics.Spec) map[string]any {
	body := map[string]any{"name": spec.Name, "type": spec.Type, "stream": spec.Direction.String(), "attributes": spec.Attributes}
	if at := spec.At.Fields(); at != nil {
		body["at"] = at
	}
	if spec.Toxicity != 0 && spec.Toxicity != 1 {
		body["toxicity"] = max(spec.Toxicity, 0)
	}
	if spec.Connection != 0 {
		body["connections"] = toxics.FormatConnections(spec.Connection, spec.LastConnection)
	}
	if spec.Seed != nil {
		body["seed"] = *spec.Seed
	}
	return body
}
