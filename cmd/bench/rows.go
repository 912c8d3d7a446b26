package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	bulk        = 512 << 20 // bytes per bulk measurement
	pings       = 3000
	connections = 800
	idle        = 1000 // connections held for the memory row
)

// A row is one thing to measure.
type row struct {
	name    string
	digits  int
	better  string // "less" or "more"
	measure func(context.Context, system) (float64, error)
}

func rows() []row {
	return []row{
		{"round trip p50, µs", 1, "less", roundTrip},
		{"bulk upstream, MB/s", 0, "more", func(ctx context.Context, s system) (float64, error) { return transfer(ctx, s, 'u') }},
		{"bulk downstream, MB/s", 0, "more", func(ctx context.Context, s system) (float64, error) { return transfer(ctx, s, 'd') }},
		{"connections/s", 0, "more", churn},
		{"memory per idle connection, kB", 1, "less", memory},
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func connect(ctx context.Context, s system) (*net.TCPConn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(time.Minute))
}

func roundTrip(ctx context.Context, s system) (float64, error) {
	conn, err := connect(ctx, s)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	b := []byte{'e'}
	times := make([]float64, 0, pings)
	for i := range pings + 1 {
		start := time.Now()
		if _, err := conn.Write(b); err != nil {
			return 0, err
		}
		if i == 0 { // the mode byte has no answer
			continue
		}
		if _, err := io.ReadFull(conn, b); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(start).Nanoseconds())/1000)
	}
	return median(times), nil
}

// transfer moves bulk bytes in one direction; the far end says when it has all.
func transfer(ctx context.Context, s system, direction byte) (float64, error) {
	conn, err := connect(ctx, s)
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

// churn opens, uses and closes connections one after the other.
func churn(ctx context.Context, s system) (float64, error) {
	start := time.Now()
	for range connections {
		conn, err := connect(ctx, s)
		if err != nil {
			return 0, err
		}
		b := []byte{'e', 'x'}
		_, err = conn.Write(b)
		if err == nil {
			_, err = io.ReadFull(conn, b[:1])
		}
		conn.Close()
		if err != nil {
			return 0, err
		}
	}
	return connections / time.Since(start).Seconds(), nil
}

// memory is how much the proxy process grows by for each connection that has
// been used and then idles.
func memory(ctx context.Context, s system) (float64, error) {
	if s.pid == 0 {
		return 0, nil
	}
	before, err := rss(s.pid)
	if err != nil {
		return 0, err
	}
	conns := make([]*net.TCPConn, 0, idle)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range idle {
		conn, err := connect(ctx, s)
		if err != nil {
			return 0, err
		}
		conns = append(conns, conn)
		if _, err := conn.Write([]byte("ex")); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			return 0, err
		}
	}
	after, err := rss(s.pid)
	return (after - before) / idle, err
}

// rss returns the resident memory of a process in kB.
func rss(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("process %d tells no VmRSS", pid)
}
