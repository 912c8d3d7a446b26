package tlsconn

import (
	"encoding/binary"
	"slices"
)

// A RequestWatch finds the first application data among what a client sends over TLS, by the
// headers of its records: what is in them stays encrypted. The zero value is ready. It is for a
// client that is not asked for a certificate.
type RequestWatch struct {
	begun     bool   // TLS has: the client may say something else before
	header    []byte // of a record, not whole yet
	body      int    // bytes of a record that are still to come
	encrypted int    // records of type application_data
}

// Look takes the next bytes of the client and reports whether application data are among those
// that it was given so far. In TLS 1.3 the first record of that type is the client's Finished
// (RFC 8446 section 5.1 and appendix D.4); in TLS 1.2 no part of a handshake is of that type.
func (w *RequestWatch) Look(sent []byte, version13 bool) bool {
	w.begun = w.begun || len(sent) > 0 && sent[0] == HandshakeRecord
	for w.begun && len(sent) > 0 {
		sent = w.step(sent)
	}
	if version13 {
		return w.encrypted > 1
	}
	return w.encrypted > 0
}

// step takes a part of a record's header or body, and returns what follows.
func (w *RequestWatch) step(sent []byte) []byte {
	if n := min(w.body, len(sent)); n > 0 {
		w.body -= n
		return sent[n:]
	}
	n := min(recordHeader-len(w.header), len(sent))
	w.header = append(slices.Clip(w.header), sent[:n]...)
	if len(w.header) == recordHeader {
		if w.header[0] == ApplicationRecord {
			w.encrypted++
		}
		w.body, w.header = int(binary.BigEndian.Uint16(w.header[3:])), nil
	}
	return sent[n:]
}
