// Package harness holds the floors of the project and nothing else: a rig with
// two peers and a proxy between them, and a verdict on how the peers behave
// when the stream between them misbehaves.
//
// Imports point to a lower floor only, never sideways; layers_test.go holds
// this picture true and says who broke it.
//
//	floor 5   cmd/harness            scenarios/<topic>
//	floor 4   harness/api  harness/suite  harness/coordinator
//	floor 3   harness/runner         harness/explore
//	floor 2   harness/proxy  harness/datagram   harness/scenario   harness/report   harness/waiver
//	floor 1   toxics  harness/link   harness/peer  harness/probe  harness/dialogue  harness/outcome
//	floor 0   harness/event  harness/chance  harness/sock  harness/wire  harness/document
//	          fixtures/<protocol>/<language>-<trait>
package harness
