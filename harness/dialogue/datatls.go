package dialogue

import (
	"net"
	"slices"

	"github.com/sockharness/harness/harness/event"
)

// SecuresData reports whether a data connection begins with TLS.
func (d *Dialogue) SecuresData() bool {
	return slices.ContainsFunc(d.Exchanges, func(e Exchange) bool { return e.Connect != nil && e.Connect.TLS })
}

// SecuresData reports whether the n-th data connection, from 0, begins with TLS.
func (s *Script) SecuresData(n int) bool {
	for _, step := range s.Steps {
		if step.Connect == nil {
			continue
		}
		if n == 0 {
			return step.Connect.TLS
		}
		n--
	}
	return false
}

// dataSecurity puts TLS on the n-th data connection, from 0, as the given side of it. The first
// connection of the conversation is control. The first read or write does the handshake.
type dataSecurity = func(n int, side event.Side, control net.Conn, data Conn) Conn

// WithDataSecurity returns the script with what puts TLS on the data connections that begin
// with it, unless [Options] say how they are opened: on the n-th one, from 0, as the given side of
// it, beside the first connection of the conversation, control. The first read or write there does
// the handshake.
func (s *Script) WithDataSecurity(secure dataSecurity) *Script {
	next := *s
	next.secureData = secure
	return &next
}

// SecureData puts TLS on the data connection of step i, from 0, where it begins with that.
func (s *Script) SecureData(i int, side event.Side, control net.Conn, data Conn) Conn {
	if s.secureData == nil || !s.Steps[i].Connect.TLS {
		return data
	}
	return s.secureData(s.dataNumber(i), side, control, data)
}
