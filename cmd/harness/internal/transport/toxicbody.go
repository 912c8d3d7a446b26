package transport

import "github.com/sockharness/harness/toxics/spec"

// ToxicBody returns a toxic as the API takes it. It is one that was made, so that
// its attributes have their types.
func ToxicBody(made spec.Spec) map[string]any {
	body := map[string]any{"name": made.Name, "type": made.Type, "stream": made.Direction.String(), "attributes": made.Attributes}
	if at := made.At.Fields(); at != nil {
		body["at"] = at
	}
	if made.Toxicity != 0 && made.Toxicity != 1 {
		body["toxicity"] = max(made.Toxicity, 0)
	}
	if made.Connection != 0 {
		body["connections"] = spec.FormatConnections(made.Connection, made.LastConnection)
	}
	if made.Seed != nil {
		body["seed"] = *made.Seed
	}
	return body
}
