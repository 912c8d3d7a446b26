package scenario

import "github.com/sockharness/harness/harness/dialogue"

// A ShortSend says which send of the peer under test takes only a part: that of the reply
// of an exchange, from 0, for which the send buffer has room for so many bytes.
//
// The kernel makes no other sends short than those of sockets that do not block
// (O_NONBLOCK), and those that a signal interrupts: Interrupted, for sockets that block,
// stops the process in its send and continues it (SIGSTOP, SIGCONT).
type ShortSend struct {
	Exchange    int  // from 0
	Room        int  // bytes, from 1, fewer than the reply has
	Interrupted bool // a signal makes it short, on a socket that blocks
}

// FollowsReply reports whether the request of an exchange, from 0, comes after something that the
// server says: only then is it known, from outside, when a client sends it.
func FollowsReply(s *dialogue.Script, exchange int) bool {
	if exchange == 0 {
		return len(s.Greeting) > 0
	}
	return len(s.Steps[exchange-1].Expect) > 0
}
