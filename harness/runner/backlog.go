package runner

import "github.com/sockharness/harness/harness/sock"

// serverListeners returns the sockets at which the server takes connections in.
func (b *testbed) serverListeners() ([]sock.Listener, error) {
	_, address := b.serverProcess()
	return sock.ListenersAt(address)
}

// maxConcurrency is how many variants at a time, at most so many, the server's queue bears,
// accept it or not: each has a connection of its own and one of another client. Of those
// that find it full the kernel drops or resets some: http.server asks for a queue of 5.
func (b *testbed) maxConcurrency(most int) int {
	const each = 2
	all, err := b.serverListeners()
	if err != nil {
		return most
	}
	for _, l := range all {
		most = min(most, max(1, int(l.Backlog+1)/each))
	}
	return most
}
