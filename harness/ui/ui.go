// Package ui is the live page of the daemon: files for a browser, which need no build
// and no network but the daemon's own API. The package serves the files and knows
// nothing of what they show.
//
//	mux.Handle("/ui/", http.StripPrefix("/ui", ui.Files()))
//	fmt.Println(ui.Link("127.0.0.1:8474", token))
package ui

import (
	"embed"
	"io/fs"
	"net/http"
	"net/url"
)

//go:embed files
var embedded embed.FS

// policy is the Content-Security-Policy of the page: its own files and the daemon's
// API, no inline script or style, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Files serves the page at / and what it loads beside. It reads files that are part of
// this program, and blocks on nothing but the client.
func Files() http.Handler {
	files, err := fs.Sub(embedded, "files")
	if err != nil {
		return http.NotFoundHandler() // the name is a constant: it cannot fail
	}
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		serve.ServeHTTP(w, r)
	})
}

// Link returns the address of the page for a daemon at host:port. The token stands
// behind the #, which browsers do not send.
func Link(address, token string) string {
	u := url.URL{Scheme: "http", Host: address, Path: "/ui/", Fragment: "token=" + token}
	return u.String()
}
