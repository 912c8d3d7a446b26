package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	pageConnections = 1000 // that are open, and idle, beside what is measured
	pageTurns       = 5    // measurements with the page open, and as many with it closed
	pageIdle        = 3 * time.Second
)

// pageRow is what an open live page costs what passes the daemon: one reader of
// /live, as the page is, beside 1000 connections; with it and without, in turn. The
// processor time of a browser that runs on the same machine is not in it.
func pageRow() row {
	parts := []part{{name: "bulk down loses, %", digits: 1, less: true}, {name: "and takes more CPU of the daemon, %", digits: 1, less: true},
		{name: "connections a second, 8 clients, lose, %", digits: 1, less: true}, {name: "and take more CPU of the daemon, %", digits: 1, less: true},
		{name: "CPU of the daemon beside idle connections, % of a processor", digits: 2, less: true}}
	return row{name: "a live page:", parts: parts, shape: delayed, measure: measurePage}
}

func measurePage(ctx context.Context, b *bench, s system) ([]float64, error) {
	if s.name != ourName {
		return nil, nil
	}
	i, err := spawnProcess(ctx, b.self, "-role", "daemon")
	if err != nil {
		return nil, err
	}
	defer i.stop()
	d := &daemonClient{url: "http://" + i.addr, pid: i.pid}
	defer d.http.CloseIdleConnections()
	api := i.addr
	if i.addr, err = d.createBench(ctx, b.server.addr, plain); err != nil {
		return nil, err
	}
	for range pageConnections {
		c, err := net.Dial("tcp", i.addr)
		if err != nil {
			return nil, err
		}
		defer c.Close()
	}
	var lost []float64
	for _, m := range []measurement{transferBulk("down"), churnConnections(8, "fin")} {
		shares, err := pageCost(ctx, b, i, api, m)
		if err != nil {
			return nil, err
		}
		lost = append(lost, shares...)
	}
	idle, err := pageIdleCPU(api, i.pid)
	return append(lost, idle), err
}

// pageIdleCPU returns what the daemon uses for a page while nothing moves, % of a
// processor.
func pageIdleCPU(api string, pid int) (float64, error) {
	leave, err := readEndlessly(api, livePath)
	if err != nil {
		return 0, err
	}
	defer leave()
	before, err := processorTime(pid)
	if err != nil {
		return 0, err
	}
	time.Sleep(pageIdle)
	after, err := processorTime(pid)
	return 100 * (after - before).Seconds() / pageIdle.Seconds(), err
}

// pageCost returns which share of the first value of a measurement is lost, and by
// which share its second one grows, %.
func pageCost(ctx context.Context, b *bench, i instance, api string, m measurement) ([]float64, error) {
	var closed, open [2][]float64
	for range pageTurns {
		without, err := m(ctx, b, i)
		if err != nil {
			return nil, err
		}
		leave, err := readEndlessly(api, livePath)
		if err != nil {
			return nil, err
		}
		with, err := m(ctx, b, i)
		leave()
		if err != nil {
			return nil, err
		}
		for v := range closed {
			closed[v], open[v] = append(closed[v], without[v]), append(open[v], with[v])
		}
	}
	return []float64{100 * (1 - medianOf(open[0])/medianOf(closed[0])), 100 * (medianOf(open[1])/medianOf(closed[1]) - 1)}, nil
}

// livePath is what a page reads.
const livePath = "/live"

// readEndlessly reads an answer of the daemon that does not end, until leave is called. It
// blocks for the first of it.
func readEndlessly(api, path string) (leave func(), err error) {
	c, err := net.Dial("tcp", api)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		c.Close()
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, c) }()
	return func() { c.Close() }, nil
}
