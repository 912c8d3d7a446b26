package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	eventRate = 50_000 // a second
	eventTime = 4 * time.Second
	sliceSize = 10 // bytes, each of which is a segment and an event
)

// measureEvents has a proxy make 50,000 events a second, by a stream of a fixed rate
// that is cut into segments, and reads them as one client of the daemon.
func measureEvents(ctx context.Context, d *daemonClient) ([]float64, error) {
	listen, err := d.createEventSource(ctx)
	if err != nil {
		return nil, nil // a Toxiproxy, which has no events
	}
	request, err := http.NewRequestWithContext(ctx, "GET", d.url+"/events?kind=bytes", nil)
	if err != nil {
		return nil, err
	}
	response, err := d.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil
	}
	c, err := net.Dial("tcp", listen)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return readEvents(response.Body)
}

// createEventSource makes a proxy before a server that sends without end, and returns
// where it listens.
func (d *daemonClient) createEventSource(ctx context.Context) (listen string, err error) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		c, err := server.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for zeros := make([]byte, 32<<10); err == nil; _, err = c.Write(zeros) {
		}
	}()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	listen = free.Addr().String()
	_ = free.Close()
	toxics := []map[string]any{
		{"type": "bandwidth", "attributes": map[string]int{"rate": eventRate * sliceSize / 1000}},
		{"type": "slicer", "attributes": map[string]int{"average_size": sliceSize}},
	}
	return listen, d.call(ctx, "POST", "/proxies", map[string]any{"name": "events", "listen": listen, "upstream": server.Addr().String(), "toxics": toxics})
}

// readEvents counts what comes for a while, and what is told to be lost.
func readEvents(stream io.Reader) ([]float64, error) {
	var events, lost uint64
	var began time.Time
	lines := bufio.NewScanner(stream)
	dropped := false
	for lines.Scan() {
		switch data, isData := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); {
		case isData && dropped:
			var gap struct{ Events uint64 }
			if err := json.Unmarshal(data, &gap); err != nil {
				return nil, fmt.Errorf("dropped events: %w", err)
			}
			lost, dropped = lost+gap.Events, false
		case isData:
			if events++; events == 1 {
				began = time.Now()
			}
		default:
			dropped = dropped || bytes.HasPrefix(lines.Bytes(), []byte("event: dropped"))
		}
		if events > 0 && time.Since(began) > eventTime {
			return []float64{float64(events) / time.Since(began).Seconds(), float64(lost)}, nil
		}
	}
	return nil, fmt.Errorf("the event stream has ended: %w", lines.Err())
}
