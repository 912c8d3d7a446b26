package dialogue

import (
	"bytes"
	"sync"
)

// A DatagramServer is the server of a script over UDP. It answers each request by what it says,
// not by whom it comes from: clients may use a socket for each request, and send one again.
// Its methods are safe for concurrent use.
type DatagramServer struct {
	mu       sync.Mutex // guards what follows
	script   *Script
	next     int               // the step that is awaited
	answered map[string]int    // steps by what was asked
	replies  map[string][]byte // by what was asked
	requests [][]byte          // the first ones of the steps, in order
}

// NewDatagramServer returns the server of the script, see [Script.WithDatagrams]. A script with
// a regex or any in a reply cannot be played, see [Dialogue.PlayableAs].
func (s *Script) NewDatagramServer() *DatagramServer {
	return &DatagramServer{script: s.ForConnection(), answered: map[string]int{}, replies: map[string][]byte{}}
}

// ReplyTo returns the answer to a datagram, nil where the dialogue has none, and the
// number of its exchange, from 0. A request that came before has the answer it had.
// It is false for what is no request of the dialogue.
func (r *DatagramServer) ReplyTo(request []byte) (step int, reply []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if step, seen := r.answered[string(request)]; seen && !r.isNext(request) {
		return step, r.replies[string(request)], true
	}
	step, groups := r.findStep(request)
	if step < 0 {
		return step, nil, false
	}
	if r.script.values != nil {
		r.script.values.keep(r.script.Steps[step].keepSent, groups)
	}
	reply, err := r.script.expandStep(step).Expect.SentBytes()
	if err != nil {
		return step, nil, false
	}
	if step == r.next {
		r.requests = append(r.requests, bytes.Clone(request))
	}
	r.next = step + 1
	r.answered[string(request)], r.replies[string(request)] = step, reply
	return step, reply, true
}

// isNext reports whether the step that is awaited is written down as this very request,
// which came before, too.
func (r *DatagramServer) isNext(request []byte) bool {
	if r.next >= len(r.script.Steps) {
		return false
	}
	want, literal := r.script.expandStep(r.next).requestPattern().LiteralBytes()
	return literal && bytes.Equal(want, request)
}

// findStep returns the step of a request: the one that is awaited, else one behind it, else
// an earlier one; -1 for none.
func (r *DatagramServer) findStep(request []byte) (int, Groups) {
	n := len(r.script.Steps)
	for i := range n {
		step := (r.next + i) % n
		groups, diff := r.script.matchDatagram(r.script.expandStep(step).requestPattern(), request)
		if diff == nil {
			return step, groups
		}
	}
	return -1, nil
}

// Requests returns what was asked, one request for each exchange in its turn.
func (r *DatagramServer) Requests() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests
}

// ForgeReply returns an answer that nobody must believe who asked this: with wrongID each
// value that the dialogue gives back of the request is another one, and in any case so is
// a letter or digit behind it. It is false where the exchange has no answer, or with
// wrongID gives nothing back.
func (r *DatagramServer) ForgeReply(request []byte, wrongID bool) (forged []byte, ok bool) {
	_, reply, ok := r.ReplyTo(request)
	if !ok || len(reply) == 0 {
		return nil, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	forged = bytes.Clone(reply)
	body := 0 // what is given back ends here
	if r.script.values != nil {
		for _, value := range r.script.values.all() {
			at := bytes.Index(forged, value)
			if at < 0 || len(value) == 0 || !bytes.Contains(request, value) {
				continue
			}
			body = max(body, at+len(value))
			if wrongID {
				last := at + len(value) - 1
				forged[last] = otherByte(forged[last])
			}
		}
	}
	if wrongID && body == 0 {
		return nil, false
	}
	for i := len(forged) - 1; i >= body; i-- {
		if isAlphanumeric(forged[i]) {
			forged[i] = otherByte(forged[i])
			return forged, true
		}
	}
	if len(forged) > body {
		forged[len(forged)-1] ^= 1
		return forged, true
	}
	return forged, wrongID
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// otherByte returns another letter or digit for one, and another byte for others.
func otherByte(c byte) byte {
	switch {
	case c == '9', c == 'z', c == 'Z':
		return c - 1
	case isAlphanumeric(c):
		return c + 1
	}
	return c ^ 1
}
