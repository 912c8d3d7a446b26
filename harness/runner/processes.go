package runner

import "github.com/sockharness/harness/harness/peer"

// ServerProcess returns the server process and its address; nil when it is none.
func (b *testbed) ServerProcess() (*peer.Process, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server, b.address
}

// ProcessTree returns the ids of the server's processes.
func (b *testbed) ProcessTree() []int {
	if process, _ := b.ServerProcess(); process != nil {
		return process.ProcessTree()
	}
	return nil
}

// servicesTree returns the ids of the processes of the target's services.
func (b *testbed) servicesTree() []int {
	b.mu.Lock()
	running := services{running: b.services.running}
	b.mu.Unlock()
	return running.processTree()
}

// approxTree is tree for those who count, who may miss one that begins or ends.
func (b *testbed) approxTree() []int {
	if process, _ := b.ServerProcess(); process != nil {
		return process.ApproxTree()
	}
	return nil
}
