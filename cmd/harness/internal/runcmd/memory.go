package runcmd

import (
	"os"
	"runtime/debug"
)

// gcPercent keeps the heaps of a run small: it has one process for each worker, and what a
// spec needs is garbage when it is over.
const gcPercent = 30

// saveMemory makes the garbage collector come sooner, unless GOGC says otherwise.
func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
