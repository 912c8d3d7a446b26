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
	pageRecorded    = 100  // where they are recorded: there is room for 128
	pageChurn       = 8000 // that are opened and ended in one measurement: some seconds, so that several frames are in it
	pagePause       = 1500 * time.Millisecond
	pageToken       = "bench"
)

// pageOrder says in which of the measurements of a round the page is open. What gets slower or
// faster meanwhile is the same for both.
var pageOrder = [...]bool{false, true, true, false, false, true, true, false}

// A visitor opens a live page, and closes it again by what open returns.
type visitor struct {
	browser int // its process; 0: there is none
	open    func(context.Context) (leave func(), err error)
	end     func()
}

// A pageVisitor returns who visits the page of a daemon; nil where what is needed is missing.
type pageVisitor func(ctx context.Context, b *bench, api string) (*visitor, error)

// pageRows are what an open live page costs what passes the daemon, beside 1000
// connections: as one reader of /live, which is what the daemon pays for, in a browser on
// the same machine, which pays for it too, and beside files of pcapng. The row in which
// nobody visits says how much is the method's own.
func pageRows() []row {
	parts := []part{{name: "bulk down loses, %", digits: 1, less: true, spread: true}, {name: "and takes more CPU of the daemon, %", digits: 1, less: true, spread: true},
		{name: "connections a second, 8 clients, lose, %", digits: 1, less: true, spread: true}, {name: "and take more CPU of the daemon, %", digits: 1, less: true, spread: true},
		{name: "CPU of the daemon for it beside idle connections, % of a processor", digits: 2, less: true, spread: true}}
	inBrowser := append(parts[:len(parts):len(parts)], part{name: "CPU of the browser then, % of a processor", digits: 1, less: true, spread: true},
		part{name: "and beside the connections of the 8 clients", digits: 1, less: true, spread: true})
	return []row{
		{name: "no live page (the method's own error):", parts: parts, shape: delayed, measure: measurePage(nobody, "daemon", pageConnections)},
		{name: "a live page:", parts: parts, shape: delayed, measure: measurePage(reader, "daemon", pageConnections)},
		{name: "a live page beside pcapng files, 100 idle connections:", parts: parts, shape: delayed, measure: measurePage(reader, "recorder", pageRecorded)},
		{name: "a live page in Chromium:", parts: inBrowser, shape: delayed, measure: measurePage(chromium, "daemon", pageConnections)},
	}
}

func nobody(context.Context, *bench, string) (*visitor, error) {
	return &visitor{open: func(context.Context) (func(), error) { return func() {}, nil }, end: func() {}}, nil
}

// reader reads as the page does.
func reader(_ context.Context, _ *bench, api string) (*visitor, error) {
	return &visitor{open: func(context.Context) (func(), error) { return readEndlessly(api, livePath) }, end: func() {}}, nil
}

func measurePage(visit pageVisitor, role string, idle int) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
		if s.name != ourName {
			return nil, nil
		}
		i, err := spawnProcess(ctx, b.self, "-role", role)
		if err != nil {
			return nil, err
		}
		defer i.stop()
		d := &daemonClient{url: "http://" + i.addr, pid: i.pid}
		defer d.http.CloseIdleConnections()
		v, err := visit(ctx, b, i.addr)
		if err != nil || v == nil {
			return nil, err
		}
		defer v.end()
		p := &pagedDaemon{bench: b, instance: i, visitor: v}
		if p.addr, err = d.createBench(ctx, b.server.addr, plain); err != nil {
			return nil, err
		}
		for range idle {
			c, err := net.Dial("tcp", p.addr)
			if err != nil {
				return nil, err
			}
			defer c.Close()
		}
		return p.comparePage(ctx)
	}
}

// A pagedDaemon is a daemon with a page, or without.
type pagedDaemon struct {
	bench *bench
	instance
	visitor *visitor
}

// A pagedSum is what the measurements with the page have shown, or those without, all
// together.
type pagedSum struct {
	bulk, churn   [2]float64 // the value, and the CPU of the daemon
	idle, resting float64    // CPU of the daemon and of the browser in the pauses, % of a processor
	browser       float64    // its CPU beside the connections
}

// comparePage measures with the page and without in turn, each time after the same pause.
func (p *pagedDaemon) comparePage(ctx context.Context) ([]float64, error) {
	var sums [2]pagedSum                                    // without, with
	if err := p.measureOnce(ctx, &pagedSum{}); err != nil { // the first one is slower: nothing is warm
		return nil, err
	}
	leave := func() {}
	defer func() { leave() }()
	open := false
	for i, want := range pageOrder {
		if want != open {
			leave()
			leave = func() {}
			if want {
				var err error
				if leave, err = p.visitor.open(ctx); err != nil {
					leave = func() {}
					return nil, err
				}
			}
		}
		sum := &sums[0]
		if want {
			sum = &sums[1]
		}
		endDaemon, endBrowser := watchCPU(p.pid), watchCPU(p.visitor.browser)
		sleep.For(ctx, pagePause)
		if settled := want == open && i > 0; settled {
			sum.idle += endDaemon()
			sum.resting += endBrowser()
		}
		open = want
		if err := p.measureOnce(ctx, sum); err != nil {
			return nil, err
		}
	}
	return p.compareSums(sums[0], sums[1]), nil
}

func (p *pagedDaemon) compareSums(without, with pagedSum) []float64 {
	values := []float64{100 * (1 - with.bulk[0]/without.bulk[0]), 100 * (with.bulk[1]/without.bulk[1] - 1),
		100 * (1 - with.churn[0]/without.churn[0]), 100 * (with.churn[1]/without.churn[1] - 1), with.idle/2 - without.idle}
	if p.visitor.browser != 0 {
		values = append(values, with.resting/2, with.browser/4)
	}
	return values
}

func (p *pagedDaemon) measureOnce(ctx context.Context, sum *pagedSum) error {
	bulk, err := transferBulk("down")(ctx, p.bench, p.instance)
	if err != nil {
		return err
	}
	end := watchCPU(p.visitor.browser)
	churn, err := churnMany(ctx, p.bench, p.instance, pageChurn, 8, "fin")
	if err != nil {
		return err
	}
	sum.browser += end()
	for i := range 2 {
		sum.bulk[i] += bulk[i]
		sum.churn[i] += churn[i]
	}
	return nil
}

// watchCPU begins to watch a process and its descendants; end returns what they have used
// since, % of a processor. Of process 0, and of one that is gone, that is nothing.
func watchCPU(pid int) (end func() float64) {
	began := time.Now()
	before, _ := familyTime(pid)
	return func() float64 {
		after, _ := familyTime(pid)
		return 100 * max(0, after-before).Seconds() / time.Since(began).Seconds()
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
