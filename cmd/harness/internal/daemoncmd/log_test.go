package daemoncmd

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// At debug each request is logged with the start of its body, and read whole by whom it
// is for.
func TestRequestsAreLoggedWithTheirBodies(t *testing.T) {
	var log bytes.Buffer
	read := ""
	h := logRequests(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		read = string(body)
	}))
	long := strings.Repeat("x", 2*mostBody)
	for body, want := range map[string]string{`{"type":"noop"}`: `{"type":"noop"}`, long: long[:mostBody] + "…", "": ""} {
		log.Reset()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/proxies/p/toxics", strings.NewReader(body)))
		var line struct{ Body string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Body != want || read != body {
			t.Errorf("logged %.60q (%v) and %d bytes read, want %.60q and %d", line.Body, err, len(read), want, len(body))
		}
	}
}
