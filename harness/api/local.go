package api

import (
	"context"
	"net"
)

// StartLocal starts a daemon on a free port of 127.0.0.1, for a client in this process or one
// that it starts, and returns its address. The function that it returns ends the daemon, waits
// for that, and returns the error of [Daemon.Serve].
func StartLocal() (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	daemon, served := New(Config{}), make(chan error, 1)
	go func() { served <- daemon.Serve(ctx, listener, daemon) }()
	return listener.Addr().String(), func() error { cancel(); return <-served }, nil
}
