// Package toxics is the catalogue of what can tamper with one direction of a
// connection: Toxiproxy's toxics under their own names and attributes, and ours,
// which end streams, cut them at exact bytes and strike from a trigger on.
//
//	spec, err := toxics.ParseFlag("half_close direction=downstream at.byte=93")
//	toxic, err := toxics.MakeToxic(spec) // toxic.Instance runs in a link
//
// To add a toxic, write one file: its entry, with the page that users read and what makes
// it, and its behavior. Then add the entry to the list in catalogue.go.
//
//	toxics/spec      what a toxic is called, what it takes, and from when on it strikes
//	toxics/engine    what the toxics of this package are built of: a flow, triggers, chance by offset
//	toxics/adapter   runs a toxic that was written for Toxiproxy, unchanged
//	toxics/hook      what a toxic may ask of its link
//
// A toxic without a direction is downstream where it is a flag ([ParseFlag]) or comes by
// the API, as in Toxiproxy, and upstream in a scenario file and in a [spec.Spec], whose zero
// direction that is: neither can change without changing what is written already.
//
// Whatever [MakeToxic] returns can be attached: Instance has the method
//
//	Attach(hook.Link) toxics.Toxic
//
// which a link calls once, and which returns the toxic of that one link. Its
// Pipe returns when it is interrupted and goes on where it was when it is called
// again. What it still holds when it is taken out of the link for good, it hands
// over in Cleanup, as Toxiproxy's CleanupToxic does.
package toxics
