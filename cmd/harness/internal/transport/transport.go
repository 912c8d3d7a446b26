// Package transport is how a proxy reaches its peers, as flags of `harness
// create` and `harness proxy`: addresses, several upstreams, TLS, the PROXY
// protocol, times, and a toxic on one line.
//
//	var f transport.Flags
//	f.Register(cmd)
//	err := f.Apply(&cfg)           // in RunE; cfg is a proxy.Config
package transport

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/tlsconn"
)

// Settings are how a proxy reaches its peers, as the daemon shows it and takes it.
type Settings struct {
	Upstreams     []string        `json:"upstreams,omitempty"`
	Balance       string          `json:"balance,omitempty"`
	Fallback      bool            `json:"fallback,omitempty"`
	TLS           *tlsconn.Config `json:"tls,omitempty"`
	ProxyProtocol string          `json:"proxy_protocol,omitempty"`
	Framing       string          `json:"framing,omitempty"`
	Limits
}

// DescribeUnusual says in a few words what is unusual.
func (t Settings) DescribeUnusual() string {
	var words []string
	add := func(on bool, format string, args ...any) {
		if on {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	if len(t.Upstreams) > 1 {
		add(t.Balance == "random", "at random")
		add(t.Balance != "random", "in turn")
		add(t.Fallback, "or the next one")
	}
	add(t.ProxyProtocol != "", "PROXY %s", t.ProxyProtocol)
	if t.TLS != nil {
		add(t.TLS.Terminate != nil, "TLS with clients")
		add(t.TLS.Originate != nil, "TLS with the upstream")
	}
	if len(words) == 0 {
		return ""
	}
	return ", " + strings.Join(words, ", ")
}

// FormatUpstreams writes where connections go.
func (t Settings) FormatUpstreams(upstream string) string {
	if len(t.Upstreams) > 1 {
		return strings.Join(t.Upstreams, ",")
	}
	return upstream
}
