package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Guard says whose requests are answered. The zero Guard is for a daemon on a
// loopback address: everybody on this host who is no browser.
type Guard struct {
	Token   string   // must be sent as "Authorization: Bearer"; "": not asked for
	AnyHost bool     // do not look at the Host header; a token makes that needless too
	Hosts   []string // host names that are answered beside localhost and addresses
}

// admit answers the request itself and returns false when it is turned away.
func (g Guard) admit(w http.ResponseWriter, r *http.Request, open bool) bool {
	if strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		http.Error(w, "User agent not allowed", http.StatusForbidden)
		return false
	}
	if err := g.judge(r, open); err != nil {
		if asFailure(err).Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		writeFailure(w, err)
		return false
	}
	return true
}

func (g Guard) judge(r *http.Request, open bool) error {
	if origin := r.Header.Get("Origin"); origin != "" && !sameHost(origin, r.Host) {
		return &failure{fmt.Sprintf("origin %q is not allowed", origin), http.StatusForbidden}
	}
	if g.Token == "" {
		if !g.AnyHost && !g.trusts(hostOnly(r.Host)) {
			// A page in a browser can have its own name resolve to 127.0.0.1.
			return &failure{fmt.Sprintf("host %q is not allowed; see --allow-host", r.Host), http.StatusForbidden}
		}
		return nil
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !open && (!strings.EqualFold(scheme, "Bearer") || !same(given, g.Token)) { // RFC 9110, §11.1
		return &failure{"a valid bearer token is required", http.StatusUnauthorized}
	}
	return nil
}

// same compares without telling by its time where the texts differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// trusts reports whether a host name cannot be an attacker's.
func (g Guard) trusts(host string) bool {
	if host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(g.Hosts, host) {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

func hostOnly(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}
