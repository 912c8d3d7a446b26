package explorecmd

import (
	"crypto/tls"

	"github.com/spf13/pflag"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/scenario"
)

// tlsFlags say that a conversation is over TLS, and who is who there.
type tlsFlags struct {
	on    bool
	files scenario.TLSFiles
}

func (f *tlsFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "tls", false, "the conversation uses TLS: harness terminates it on both sides, with a certificate that it makes")
	flags.StringVar(&f.files.CA, "tls-ca", "", "trust the certificates in `FILE` (PEM) instead of the system's; implies --tls")
	flags.StringVar(&f.files.Certificate, "tls-certificate", "", "`FILE` of the certificate of the server (PEM); implies --tls")
	flags.StringVar(&f.files.Key, "tls-key", "", "`FILE` of its private key (PEM)")
	flags.BoolVar(&f.files.Insecure, "tls-insecure", false, "do not verify the server's certificate; implies --tls")
}

// check finds what is wrong with the flags.
func (f *tlsFlags) check() error {
	if (f.files.Certificate == "") != (f.files.Key == "") {
		return cli.UsageErrorf("--tls-certificate and --tls-key: give both or none")
	}
	f.on = f.on || f.files.CA != "" || f.files.Certificate != "" || f.files.Insecure
	return nil
}

// certify reads or makes the certificates of a target, in a folder below tmp. It returns nil
// where the conversation is not over TLS.
func (f *tlsFlags) certify(t scenario.Target, tmp string) (*scenario.Certification, error) {
	if f.on {
		t.TLS = &f.files
	}
	if t.Transport() != scenario.TLS {
		return nil, nil
	}
	c, err := scenario.Certify(t, tmp)
	if err != nil {
		return nil, cli.UsageErrorf("%v", err)
	}
	return c, nil
}

// configs returns what harness is as the server and as the client; nil without TLS.
func configs(c *scenario.Certification) (server, client *tls.Config) {
	if c == nil {
		return nil, nil
	}
	return c.Server, c.Client
}
