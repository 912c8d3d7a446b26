// Package toxics is the catalogue of what can tamper with one direction of a
// connection: Toxiproxy's toxics under their own names and attributes, and ours,
// which end streams, cut them at exact bytes and strike from a trigger on.
//
//	spec, err := toxics.ParseFlag("half_close direction=downstream at.byte=93")
//	toxic, err := toxics.MakeToxic(spec) // toxic.Instance runs in a link
//
// [MakeToxic] turns a [Spec] into a [Toxic] whose Instance runs in a link.
//
// A toxic without a direction is downstream where it is a flag ([ParseFlag]) or comes by
// the API, as in Toxiproxy, and upstream in a scenario file and in a [Spec], whose zero
// direction that is: neither can change without changing what is written already.
//
// Whatever
// Make returns can be attached: Instance has the method
//
//	Attach(hook.Link) toxics.Toxic
//
// which a link calls once, and which returns the toxic of that one link. Its
// Pipe returns when it is interrupted and goes on where it was when it is called
// again. What it still holds when it is taken out of the link for good, it hands
// over in Cleanup, as Toxiproxy's CleanupToxic does.
package toxics
