package api

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// Limits of one request, Toxiproxy's where it has one.
const (
	headerPatience = 10 * time.Second
	readPatience   = 15 * time.Second
	replyPatience  = 30 * time.Second
	idlePatience   = 60 * time.Second
	maxHeader      = 64 << 10
	endPatience    = 5 * time.Second // for requests under way when the daemon ends
)

// Serve answers requests to h, which is the daemon or something around it, until
// the context ends; then it waits for those under way, and closes the daemon. It
// closes l.
func (d *Daemon) Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: headerPatience, ReadTimeout: readPatience, WriteTimeout: replyPatience,
		IdleTimeout: idlePatience, MaxHeaderBytes: maxHeader, ErrorLog: log.New(nothing{}, "", 0)}
	server.RegisterOnShutdown(d.cancel) // event streams end by themselves, then
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(newReserve(l)) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		patience, cancel := context.WithTimeout(context.Background(), endPatience)
		defer cancel()
		if server.Shutdown(patience) != nil {
			_ = server.Close()
		}
		err = <-failed
	}
	_ = d.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("api serve: %w", err)
}

// nothing takes what net/http says of clients that are gone.
type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }
