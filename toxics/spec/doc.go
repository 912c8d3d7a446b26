// Package spec describes toxics and runs none: which there are and what they take, and
// how one is written on a line, in a file and in JSON.
//
//	kind, err := spec.LookupKind(toxics.Catalogue(), "latency")
//	at, err := spec.ParseTrigger(map[string]any{"byte": 93})
//	complete, err := kind.CompleteSpec(spec.Spec{Type: "latency", At: at})
//
// A [Kind] is an entry of a catalogue, an [Attribute] one of its settings, a [Spec] one
// toxic that somebody wants, and a [Trigger] the place or time from which on it strikes.
// The catalogues are those of the packages toxics and harness/datagram.
package spec
