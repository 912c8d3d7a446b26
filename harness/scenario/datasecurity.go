package scenario

import (
	"crypto/tls"
	"net"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A sessionBook knows the sessions of TLS by the addresses of the connections that began them:
// what is put around a connection keeps its address.
type sessionBook struct {
	mu      sync.Mutex             // guards what follows
	configs map[string]*tls.Config // by local address
	order   []string               // the addresses, oldest first
}

// knownSessions bounds how many connections a book knows: more than there are at a time.
const knownSessions = 4096

func (b *sessionBook) add(address string, config *tls.Config) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.configs == nil {
		b.configs = map[string]*tls.Config{}
	}
	if _, again := b.configs[address]; !again {
		b.order = append(b.order, address)
	}
	b.configs[address] = config
	if len(b.order) > knownSessions {
		delete(b.configs, b.order[0])
		b.order = b.order[1:]
	}
}

func (b *sessionBook) find(address string) *tls.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.configs[address]
}

// ClientConfig is that of the harness as client of one connection.
func (c *Certification) ClientConfig(conn net.Conn) *tls.Config {
	if !c.Resumes {
		return c.Client
	}
	config := c.Client.Clone()
	config.ClientSessionCache = tlsconn.NewSessions()
	c.sessions.add(conn.LocalAddr().String(), config)
	return config
}

// SecureData puts TLS on a data connection, for [dialogue.Script.WithDataSecurity]. As a client it
// goes on with the session of the first connection, control.
func (c *Certification) SecureData(_ int, side event.Side, control net.Conn, data dialogue.Conn) dialogue.Conn {
	raw, ok := data.(link.Conn)
	if !ok {
		return data
	}
	if side == event.Server {
		return tlsconn.WrapServer(raw, c.Server)
	}
	if config := c.sessions.find(control.LocalAddr().String()); config != nil {
		return tlsconn.WrapClient(raw, config)
	}
	return tlsconn.WrapClient(raw, c.Client)
}
