package runner

import "github.com/sockharness/harness/harness/sock"

// maxConcurrency is how many variants at a time, at most so many, the queue of the server at the address bears,
// accept it or not: each has a connection of its own and one of another client. Of those
// that find it full the kernel drops or resets some: http.server asks for a queue of 5.
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
