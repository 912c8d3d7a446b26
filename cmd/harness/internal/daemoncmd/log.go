package daemoncmd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
)

// levels are zerolog's names, which Toxiproxy's LOG_LEVEL has.
var levels = map[string]slog.Level{"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "": slog.LevelInfo,
	"warn": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError + 4, "panic": slog.LevelError + 4, "disabled": slog.LevelError + 8}

func newLog(out io.Writer) (*slog.Logger, error) {
	word := os.Getenv("LOG_LEVEL")
	level, ok := levels[strings.ToLower(word)]
	if !ok {
		return nil, cli.UsageErrorf("LOG_LEVEL %q: want trace, debug, info, warn, error or disabled", word)
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})), nil
}

// logEvents writes what happens: at info what Toxiproxy tells, which is a line for each
// change and two for a connection; failures always; the rest for who debugs.
func logEvents(log *slog.Logger) event.Sink {
	return func(e event.Event) {
		level := slog.LevelDebug
		switch e.Kind {
		case event.Accept, event.Close, event.Act, event.ModeSet, event.OutageSet, event.ProxyAdded, event.ProxyUpdated, event.ProxyEnabled, event.ProxyDisabled,
			event.ProxyRemoved, event.ToxicAdded, event.ToxicUpdated, event.ToxicRemoved:
			level = slog.LevelInfo
		case event.DialFailed, event.CannotStrike, event.PastProxy:
			level = slog.LevelWarn
		case event.Refuse:
			if e.Conn != 0 {
				level = slog.LevelWarn
			}
		case event.Panic, event.Leaked:
			level = slog.LevelError
		}
		if log.Enabled(context.Background(), level) {
			log.LogAttrs(context.Background(), level, string(e.Kind), eventAttrs(e)...)
		}
	}
}

// eventAttrs are the fields of an event that mean something.
func eventAttrs(e event.Event) []slog.Attr {
	attrs := []slog.Attr{slog.String("proxy", e.Proxy)}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	if e.Conn != 0 {
		attrs = append(attrs, slog.Uint64("conn", e.Conn))
	}
	if e.Kind.HasDirection() {
		add("direction", e.Direction.String())
	}
	if e.Kind.HasOffset() {
		attrs = append(attrs, slog.Int64("offset", e.Offset))
	}
	add("side", string(e.Side))
	add("toxic", e.Toxic)
	add("ending", string(e.Ending))
	add("errno", e.Errno)
	add("detail", e.Detail)
	return attrs
}

// logRequests writes a line for each request that has been answered.
func logRequests(log *slog.Logger, h http.Handler) http.Handler {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, to := time.Now(), &answered{ResponseWriter: w, status: http.StatusOK}
		sent := &recordedBody{ReadCloser: r.Body}
		r.Body = sent
		h.ServeHTTP(to, r)
		log.Debug("request", "body", excerpt.Start(sent.start, mostBody), "client", r.RemoteAddr, "method", r.Method, "url", r.URL.String(), "user_agent", r.UserAgent(),
			"status", to.status, "size", to.size, "duration", fmt.Sprint(time.Since(start)), "request_id", w.Header().Get("X-Toxiproxy-Request-Id"))
	})
}

// mostBody is how much of a request's body the log has, bytes.
const mostBody = 4096

// recordedBody keeps the start of a body that is read.
type recordedBody struct {
	io.ReadCloser
	start []byte
}

func (b *recordedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if room := mostBody + 1 - len(b.start); room > 0 { // the one more shows that there is more
		b.start = append(b.start, p[:min(n, room)]...)
	}
	return n, err
}

// answered remembers what was answered.
type answered struct {
	http.ResponseWriter
	status, size int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.size += n
	return n, err
}

// Unwrap lets [http.ResponseController] find what it looks for.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
