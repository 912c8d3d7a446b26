package runner

import "github.com/sockharness/harness/harness/sock"

// maxConcurrency is how many variants may run at a time, most at the most, without filling the
// accept queue of the server at the address, even if it accepts no connection. Each variant has its
// own connection and one of another client. The kernel drops or resets connections that find the
// queue full. http.server has a queue of 5.
func maxConcurrency(address string, most int) int {
	const each = 2
	all, err := sock.ListenersAt(address)
	if err != nil {
		return most
	}
	for _, l := range all {
		most = min(most, max(1, int(l.Backlog+1)/each))
	}
	return most
}
