package transport

import (
	"os"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/tlsconn"
)

// NewAuthority makes the authority of generated certificates and writes its own
// into a file, unless that has no name.
func NewAuthority(flag, file string) (*tlsconn.Authority, error) {
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		return nil, cli.HarnessErrorf("%w", err)
	}
	if file == "" {
		return authority, nil
	}
	if err := os.WriteFile(file, authority.PEM(), 0o644); err != nil {
		return nil, cli.UsageErrorf("%s: %v", flag, err)
	}
	return authority, nil
}

// flagOf names the flag that an attribute of TLS came from.
var flagOf = map[string]string{"terminate": "--tls-certificate, --tls-key, --tls-generated", "terminate.certificate": "--tls-certificate",
	"terminate.key": "--tls-key", "terminate.names": "--tls-name", "originate.ca": "--tls-ca", "originate.server_name": "--tls-server-name",
	"protocols": "--tls-protocol"}
