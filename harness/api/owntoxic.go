package api

import (
	"net/http"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// An ownToxic is one that connections are to have by themselves. It may be for streams, for
// datagrams, or for both.
type ownToxic struct {
	stream   *toxics.Toxic   // nil: it is not for streams
	datagram *datagram.Toxic // nil: it is not for datagrams
	failed   error           // why it is not for the other kind
}

// spec returns what the toxic is.
func (t *ownToxic) spec() spec.Spec {
	if t.stream != nil {
		return t.stream.Spec
	}
	return t.datagram.Spec
}

// readOwnToxic reads a toxic from the body.
func readOwnToxic(r *http.Request) (*ownToxic, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	made := &ownToxic{}
	var failed error // of streams, which most are
	for _, listen := range []string{"127.0.0.1:0", networkUDP + ":127.0.0.1:0"} {
		in := newToxicInput(proxySpec{listen: listen}, 0)
		if err := decodeJSON(body, &in); err != nil {
			return nil, err
		}
		one, err := in.createToxic(nil)
		if err == nil && (one.made.Refuse || one.made.Connection != 0 || in.Toxicity != 1 || in.Type == "small_window") {
			return nil, badBodyf("a toxic of one connection takes no connections, no toxicity, and is not of the types refuse and small_window")
		}
		switch {
		case err != nil && !in.datagrams:
			failed, made.failed = err, err
		case err != nil:
			made.failed = err
		case in.datagrams:
			made.datagram = one.datagram
		default:
			made.stream = &one.made
		}
	}
	if made.stream == nil && made.datagram == nil {
		return nil, failed
	}
	return made, nil
}
