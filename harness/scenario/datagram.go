package scenario

import "github.com/sockharness/harness/harness/dialogue"

// A DatagramRequest is a request of the dialogue that has come to a played server over UDP.
type DatagramRequest struct {
	Step   int                      // exchange, from 0
	Asked  int                      // how often this very request has come, this time included
	Bytes  []byte                   // of the request
	Reply  []byte                   // what the dialogue answers; nil: nothing
	Server *dialogue.DatagramServer // what the dialogue's server knows so far
}

// A DatagramReply is one datagram that a played server sends.
type DatagramReply struct {
	Bytes    []byte // nil: none is sent; an empty one is
	Stranger bool   // it is sent from another port than the one that was asked
	Odd      string // for people: what is wrong with it, which is what the variant is about; empty: nothing
}
