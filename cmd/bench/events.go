package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

const (
	eventTime = 4 * time.Second
	sliceSize = 10 // bytes, each of which is a segment and an event

	clientPause = 20 * time.Millisecond // between two reads of the bytes that the events are of
)

// eventRow is the row of a proxy that makes rate events a second, and one client that reads them.
func eventRow(rate int) row {
	return row{name: fmt.Sprintf("%d events a second, one reader:", rate), shape: delayed,
		parts:   append([]part{{name: "read a second"}}, lessOf(1, "lost", "CPU of the daemon, µs an event", "CPU of the reader, µs an event")...),
		measure: onDaemon(func(ctx context.Context, d *daemonClient) ([]float64, error) { return measureEvents(ctx, d, rate) })}
}

// measureEvents has a proxy make rate events a second, by a stream of a fixed rate
// that is cut into segments, and reads them as one client of the daemon.
func measureEvents(ctx context.Context, d *daemonClient, rate int) ([]float64, error) {
	listen, err := d.createEventSource(ctx, rate)
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
	go discardRarely(ctx, c)
	before, err := processorTimes(d.pid, os.Getpid())
	if err != nil {
		return nil, err
	}
	events, lost, took, err := readEvents(response.Body)
	if err != nil {
		return nil, err
	}
	after, err := processorTimes(d.pid, os.Getpid())
	each := func(i int) float64 { return float64((after[i] - before[i]).Microseconds()) / events }
	return []float64{events / took.Seconds(), lost, each(0), each(1)}, err
}

// processorTimes returns how much processor time some processes have used.
func processorTimes(pids ...int) (list []time.Duration, err error) {
	for _, pid := range pids {
		used, failed := processorTime(pid)
		list, err = append(list, used), errors.Join(err, failed)
	}
	return list, err
}

// discardRarely reads what comes, a lot at a time: a read of each segment would cost more
// than its event.
func discardRarely(ctx context.Context, c net.Conn) {
	room := make([]byte, 1<<20)
	for {
		if _, err := c.Read(room); err != nil || !sleep.For(ctx, clientPause) {
			return
		}
	}
}

// createEventSource makes a proxy before a server that sends without end, and returns
// where it listens.
func (d *daemonClient) createEventSource(ctx context.Context, rate int) (listen string, err error) {
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
	if listen, err = freeAddr(); err != nil {
		return "", err
	}
	toxics := []map[string]any{
		{"type": "bandwidth", "attributes": map[string]int{"rate": rate * sliceSize / 1000}},
		{"type": "slicer", "attributes": map[string]int{"average_size": sliceSize}},
	}
	return listen, d.call(ctx, "POST", "/proxies", map[string]any{"name": "events", "listen": listen, "upstream": server.Addr().String(), "toxics": toxics})
}

// readEvents counts what comes for a while, and what is told to be lost.
func readEvents(stream io.Reader) (events, lost float64, took time.Duration, err error) {
	var began time.Time
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 256<<10), 256<<10)
	dropped := false
	for lines.Scan() {
		data, isData := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		switch {
		case !isData:
			dropped = dropped || bytes.HasPrefix(lines.Bytes(), []byte("event: dropped"))
			continue
		case dropped:
			var gap struct{ Events float64 }
			if err := json.Unmarshal(data, &gap); err != nil {
				return 0, 0, 0, fmt.Errorf("dropped events: %w", err)
			}
			lost, dropped = lost+gap.Events, false
			continue
		}
		if events++; events == 1 {
			began = time.Now()
		}
		if took = time.Since(began); took > eventTime {
			return events, lost, took, nil
		}
	}
	return 0, 0, 0, fmt.Errorf("the event stream has ended: %w", lines.Err())
}
