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
	Page    string   // token of the live page; "": there is none. A browser that sends it from our own origin is answered
	Origins []string // of pages in browsers that are answered, as browsers send them: "http://localhost:3000"
}

// admitOrigin lets the pages of an allowed origin read the answer, and answers what
// their browsers ask before. It returns false when that was all.
func (g Guard) admitOrigin(w http.ResponseWriter, r *http.Request) (goOn bool) {
	if !g.allowsOrigin(r) {
		return true
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return false
}

func (g Guard) allowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin != "" && slices.Contains(g.Origins, origin)
}

// admitRequest answers the request itself and returns false when it is turned away.
func (g Guard) admitRequest(w http.ResponseWriter, r *http.Request, open bool) bool {
	if strings.HasPrefix(r.UserAgent(), "Mozilla/") && !g.allowsOrigin(r) && !g.isPage(r) {
		http.Error(w, "User agent not allowed", http.StatusForbidden)
		return false
	}
	if err := g.judgeRequest(r, open); err != nil {
		if asFailure(err).Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		writeFailure(w, err)
		return false
	}
	return true
}

func (g Guard) judgeRequest(r *http.Request, open bool) error {
	if origin := r.Header.Get("Origin"); origin != "" && !sameHost(origin, r.Host) && !g.allowsOrigin(r) {
		return &failure{Message: fmt.Sprintf("origin %q is not allowed", origin), Status: http.StatusForbidden}
	}
	if g.Token == "" {
		if !g.AnyHost && !g.trustsHost(hostOnly(r.Host)) {
			// A page in a browser can have its own name resolve to 127.0.0.1.
			return &failure{Message: fmt.Sprintf("host %q is not allowed; see --allow-host", r.Host), Status: http.StatusForbidden}
		}
		return nil
	}
	if !open && !carriesToken(r, g.Token) && !g.isPage(r) {
		return &failure{Message: "a valid bearer token is required", Status: http.StatusUnauthorized}
	}
	return nil
}

// isPage reports whether the request is one of the live page, which knows its token.
// Whether another origin has sent it is judged apart.
func (g Guard) isPage(r *http.Request) bool { return g.Page != "" && carriesToken(r, g.Page) }

// carriesToken reports whether a request has the token as RFC 9110, §11.1, says.
func carriesToken(r *http.Request, token string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && equalConstantTime(given, token)
}

// admitFile is for the files of the live page, which are the same for all and which a
// browser asks for before it can know a token.
func (g Guard) admitFile(w http.ResponseWriter, r *http.Request) bool {
	err := g.judgeRequest(r, true)
	if err == nil && !g.AnyHost && !g.trustsHost(hostOnly(r.Host)) {
		err = &failure{Message: fmt.Sprintf("host %q is not allowed; see --allow-host", r.Host), Status: http.StatusForbidden}
	}
	if err != nil {
		writeFailure(w, err)
	}
	return err == nil
}

// equalConstantTime compares without telling by its time where the texts differ.
func equalConstantTime(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// trustsHost reports whether a host name cannot be an attacker's.
func (g Guard) trustsHost(host string) bool {
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
