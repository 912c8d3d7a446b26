// Package toxics is the catalogue of what can tamper with one direction of a
// connection: Toxiproxy's toxics under their own names and attributes, and ours,
// which end streams, cut them at exact bytes and strike from a trigger on.
//
// [Make] turns a [Spec] into a [Toxic] whose Instance runs in a link. Whatever
// Make returns can be attached: Instance has the method
//
//	Attach(wire.Wire) toxics.Toxic
//
// which a link calls once, and which returns the toxic of that one link. Its
// Pipe returns when it is interrupted and goes on where it was when it is called
// again. What it still holds when it is taken out of the link for good, it hands
// over in Cleanup, as Toxiproxy's CleanupToxic does.
package toxics
