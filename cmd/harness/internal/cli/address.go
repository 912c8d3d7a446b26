package cli

import "github.com/sockharness/harness/harness/sock"

// CheckUpstream finds an address that nobody can be reached by. Nothing is looked
// up but the names of services.
func CheckUpstream(text string) error { return checkAddress("upstream", text, false) }

// CheckListen finds an address that nobody can listen on.
func CheckListen(text string) error { return checkAddress("listen", text, true) }

func checkAddress(flag, text string, listen bool) error {
	if err := sock.CheckAddress(text, listen); err != nil {
		return UsageErrorf("--%s %q: %v", flag, text, err)
	}
	return nil
}

// UDPPrefix is what addresses of datagrams begin with.
const UDPPrefix = "udp:"
