//go:build !linux

package main

import (
	"context"
	"io"
	"net"
)

// converser returns what has one short connection to addr: a byte there and back,
// then the client closes.
func converser(ctx context.Context, addr string) (func() error, error) {
	return func() error {
		conn, err := connect(ctx, addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		b := []byte{'e', 'x'}
		if _, err := conn.Write(b); err != nil {
			return err
		}
		_, err = io.ReadFull(conn, b[:1])
		return err
	}, nil
}

// accept serves those who want an echo, and has answer serve the others.
func accept(_ context.Context, listener *net.TCPListener, answer func(conn net.Conn, mode byte)) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return nil
		}
		go func() {
			mode := make([]byte, 1)
			if _, err := io.ReadFull(conn, mode); err != nil || mode[0] != 'e' {
				answer(conn, mode[0])
				return
			}
			defer conn.Close()
			_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
		}()
	}
}
