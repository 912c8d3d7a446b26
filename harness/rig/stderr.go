package rig

import (
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/stacktrace"
)

// A stderrMark is how much a server process had written to its standard error when a
// variant began: what came before is not about that variant.
type stderrMark struct {
	process *peer.Process
	length  int64
}

func (b *Testbed) stderrMark() stderrMark {
	process, _ := b.ServerProcess()
	if process == nil {
		return stderrMark{}
	}
	return stderrMark{process, process.Stderr().ByteCount()}
}

// keepStderr enters what the server process has written, and of one that has ended
// the line that names why.
func keepStderr(process *peer.Process, mark stderrMark, o *scenario.Observation) {
	if process == nil {
		return
	}
	o.ServerStderr = process.Stderr().TailBytes()
	if o.Crash == nil {
		return
	}
	since := int64(0)
	if mark.process == process {
		since = mark.length
	}
	o.LastWords = stacktrace.Cause(string(process.Stderr().TailSince(since)))
}
