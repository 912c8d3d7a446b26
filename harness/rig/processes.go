package rig

import "github.com/sockharness/harness/harness/peer"

// ServerProcess returns the server's process, which the testbed closes, and its address; nil
// where it is none of ours, or is not started.
func (b *Testbed) ServerProcess() (*peer.Process, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server, b.address
}

// ProcessTree returns the ids of the server's processes; none where it is none of ours.
func (b *Testbed) ProcessTree() []int {
	if process, _ := b.ServerProcess(); process != nil {
		return process.ProcessTree()
	}
	return nil
}

// approxTree is tree for those who count, who may miss one that begins or ends.
func (b *Testbed) approxTree() []int {
	if process, _ := b.ServerProcess(); process != nil {
		return process.ApproxTree()
	}
	return nil
}
