package api

import (
	"net/http"
	"testing"
)

// Pages of an allowed origin may use the API from a browser, and no others.
func TestAllowedOrigin(t *testing.T) {
	_, url := serve(t, Config{Guard: Guard{Origins: []string{"http://localhost:3000"}}})
	for _, test := range []struct {
		method, origin string
		status         int
		allowed        string
	}{
		{"GET", "http://localhost:3000", 200, "http://localhost:3000"},
		{"OPTIONS", "http://localhost:3000", 204, "http://localhost:3000"},
		{"GET", "http://localhost:3001", 403, ""},
		{"GET", "http://evil.example", 403, ""},
		{"OPTIONS", "http://evil.example", 405, ""},
	} {
		headers := []string{"Origin", test.origin, "User-Agent", "Mozilla/5.0"}
		if test.method == "OPTIONS" {
			headers = append(headers, "Access-Control-Request-Method", "DELETE")
		}
		status, header, _ := call(t, test.method, url+"/proxies", "", headers...)
		if status != test.status || header.Get("Access-Control-Allow-Origin") != test.allowed {
			t.Errorf("%s from %s: got %d, %v", test.method, test.origin, status, header)
		}
		if test.status == http.StatusNoContent && header.Get("Access-Control-Allow-Methods") == "" {
			t.Errorf("no methods are allowed: %v", header)
		}
	}
}
