package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

const (
	bulk        = 256 << 20 // bytes per bulk measurement
	pingTime    = 500 * time.Millisecond
	connections = 1200
)

// connect opens a connection that gives up after a minute.
func connect(ctx context.Context, addr string) (*net.TCPConn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(time.Minute))
}

// roundTrip returns how long a byte takes there and back, µs, median.
func roundTrip(ctx context.Context, addr string) (float64, error) {
	conn, err := connect(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	b := []byte{'e'}
	if _, err := conn.Write(b); err != nil { // the mode byte has no answer
		return 0, err
	}
	var times []float64
	for begin := time.Now(); time.Since(begin) < pingTime; {
		start := time.Now()
		if _, err := conn.Write(b); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(conn, b); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/1000)
	}
	return median(times), nil
}

// transfer moves bulk bytes in one direction and returns MB/s; the far end says
// when it has all.
func transfer(direction byte) measurement {
	return func(ctx context.Context, addr string) (float64, error) {
		conn, err := connect(ctx, addr)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		start := time.Now()
		if _, err := conn.Write([]byte{direction}); err != nil {
			return 0, err
		}
		if direction == 'u' {
			err = upload(conn)
		} else {
			err = download(conn)
		}
		return float64(bulk) / 1e6 / time.Since(start).Seconds(), err
	}
}

func upload(conn io.ReadWriter) error {
	buffer := make([]byte, 256<<10)
	for sent := 0; sent < bulk; sent += len(buffer) {
		if _, err := conn.Write(buffer); err != nil {
			return err
		}
	}
	_, err := io.ReadFull(conn, buffer[:1])
	return err
}

func download(conn io.Reader) error {
	buffer := make([]byte, 256<<10)
	for got := 0; got < bulk; {
		n, err := conn.Read(buffer)
		if got += n; err != nil && got < bulk {
			return fmt.Errorf("after %d bytes: %w", got, err)
		}
	}
	return nil
}

// churn has so many clients open, use and close connections one after the other,
// and returns how many a second.
func churn(clients int) measurement {
	return func(ctx context.Context, addr string) (float64, error) {
		converse, err := converser(ctx, addr)
		if err != nil {
			return 0, err
		}
		// A thread that waits in a system call is not taken for one that is stuck.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2 * clients))
		failed := make(chan error, clients)
		var all sync.WaitGroup
		start := time.Now()
		for range clients {
			all.Go(func() {
				for range connections / clients {
					if err := converse(); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(failed)
		return float64(connections/clients*clients) / time.Since(start).Seconds(), <-failed
	}
}
