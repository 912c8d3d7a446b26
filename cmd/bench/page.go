package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

const (
	pageConnections = 1000 // that are open, and idle, beside what is measured
	pageChurn       = 8000 // that are opened and ended in one measurement: some seconds, so that several frames are in it
	pageIdle        = 3 * time.Second
	pageToken       = "bench"
)

// A pageOpener opens a live page of a daemon, until leave is called. Pid is that of a
// browser, 0 if there is none.
type pageOpener func(ctx context.Context, b *bench, api string) (pid int, leave func(), err error)

// pageRows are what an open live page costs what passes the daemon, beside 1000
// connections: as one reader of /live, which is what the daemon pays for, and in a
// browser on the same machine, which pays for it too.
func pageRows() []row {
	parts := []part{{name: "bulk down loses, %", digits: 1, less: true, spread: true}, {name: "and takes more CPU of the daemon, %", digits: 1, less: true, spread: true},
		{name: "connections a second, 8 clients, lose, %", digits: 1, less: true, spread: true}, {name: "and take more CPU of the daemon, %", digits: 1, less: true, spread: true},
		{name: "CPU of the daemon beside idle connections, % of a processor", digits: 2, less: true, spread: true}}
	inBrowser := append(parts[:len(parts):len(parts)], part{name: "CPU of the browser then, % of a processor", digits: 1, less: true, spread: true},
		part{name: "and beside the connections of the 8 clients", digits: 1, less: true, spread: true})
	return []row{
		{name: "a live page:", parts: parts, shape: delayed, measure: measurePage(readPage)},
		{name: "a live page in Chromium:", parts: inBrowser, shape: delayed, measure: measurePage(browsePage)},
	}
}

// readPage reads as the page does.
func readPage(_ context.Context, _ *bench, api string) (pid int, leave func(), err error) {
	leave, err = readEndlessly(api, livePath)
	return 0, leave, err
}

func measurePage(open pageOpener) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
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
		p := &pagedDaemon{bench: b, instance: i, api: i.addr}
		if p.addr, err = d.createBench(ctx, b.server.addr, plain); err != nil {
			return nil, err
		}
		for range pageConnections {
			c, err := net.Dial("tcp", p.addr)
			if err != nil {
				return nil, err
			}
			defer c.Close()
		}
		return p.comparePage(ctx, open)
	}
}

// A pagedDaemon is a daemon with a page, or without.
type pagedDaemon struct {
	bench *bench
	instance
	api string
}

// A pagedRun is what one measurement of each kind has shown.
type pagedRun struct {
	bulk, churn []float64 // the value, and the CPU of the daemon
	browser     float64   // its CPU meanwhile, % of a processor
}

// comparePage measures without the page, twice with it and again without, so that what
// gets slower or faster meanwhile is the same for both.
func (p *pagedDaemon) comparePage(ctx context.Context, open pageOpener) ([]float64, error) {
	var runs [4]pagedRun
	_, err := p.measureOnce(ctx, 0) // the first one is slower: nothing is warm
	if err != nil {
		return nil, err
	}
	if runs[0], err = p.measureOnce(ctx, 0); err != nil {
		return nil, err
	}
	browser, leave, err := open(ctx, p.bench, p.api)
	if err != nil || leave == nil {
		return nil, err
	}
	defer func() { leave() }()
	daemonIdle, browserIdle, err := idleCPU(ctx, p.pid, browser)
	for i := 1; i <= 2 && err == nil; i++ {
		runs[i], err = p.measureOnce(ctx, browser)
	}
	leave()
	leave = func() {}
	if err != nil {
		return nil, err
	}
	if runs[3], err = p.measureOnce(ctx, 0); err != nil {
		return nil, err
	}
	ratio := func(value func(pagedRun) float64) float64 {
		return (value(runs[1]) + value(runs[2])) / (value(runs[0]) + value(runs[3]))
	}
	lost := func(of func(pagedRun) []float64) []float64 {
		return []float64{100 * (1 - ratio(func(r pagedRun) float64 { return of(r)[0] })), 100 * (ratio(func(r pagedRun) float64 { return of(r)[1] }) - 1)}
	}
	values := append(lost(func(r pagedRun) []float64 { return r.bulk }), lost(func(r pagedRun) []float64 { return r.churn })...)
	values = append(values, daemonIdle)
	if browser != 0 {
		values = append(values, browserIdle, (runs[1].browser+runs[2].browser)/2)
	}
	return values, nil
}

func (p *pagedDaemon) measureOnce(ctx context.Context, browser int) (r pagedRun, err error) {
	if r.bulk, err = transferBulk("down")(ctx, p.bench, p.instance); err != nil {
		return r, err
	}
	end := watchCPU(browser)
	if r.churn, err = churnMany(ctx, p.bench, p.instance, pageChurn, 8, "fin"); err == nil {
		r.browser, err = end()
	}
	return r, err
}

// idleCPU returns what the daemon and a browser use for a page while nothing moves, % of
// a processor.
func idleCPU(ctx context.Context, daemon, browser int) (ofDaemon, ofBrowser float64, err error) {
	endDaemon, endBrowser := watchCPU(daemon), watchCPU(browser)
	sleep.For(ctx, pageIdle)
	if ofDaemon, err = endDaemon(); err == nil {
		ofBrowser, err = endBrowser()
	}
	return ofDaemon, ofBrowser, err
}

// watchCPU begins to watch a process and its descendants; end returns what they have used
// since, % of a processor. Of process 0 that is nothing.
func watchCPU(pid int) (end func() (float64, error)) {
	began := time.Now()
	before, err := familyTime(pid)
	return func() (float64, error) {
		if err != nil {
			return 0, err
		}
		after, err := familyTime(pid)
		return 100 * (after - before).Seconds() / time.Since(began).Seconds(), err
	}
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
