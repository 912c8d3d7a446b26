package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/sockharness/harness/harness/sleep"
)

const (
	bulk        = 256 << 20               // bytes per bulk measurement
	pingTime    = 400                     // ms
	connections = 200_000                 // at most, in churnTime
	churnTime   = 700                     // ms: a tenth of it measures how threads start
	manyTalkers = 1000                    // connections that are used in turn
	portsRest   = 1100 * time.Millisecond // until Linux takes ports in TIME_WAIT again: a proxy would pay for what was measured before it
)

// connectTimeout opens a connection that gives up after a minute.
func connectTimeout(ctx context.Context, addr string) (*net.TCPConn, error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), conn.SetDeadline(time.Now().Add(time.Minute))
}

// A measurement measures a system that runs, one value for each part of its row.
type measurement func(ctx context.Context, b *bench, i instance) ([]float64, error)

// pingConnections sends a byte there and back on each of a number of connections in turn: p50 and p99
// in µs, and what one costs the proxy.
func pingConnections(n int) measurement {
	return func(ctx context.Context, b *bench, i instance) ([]float64, error) {
		r, err := b.runLoad(ctx, i, "ping", n, pingTime)
		if err != nil {
			return nil, err
		}
		return []float64{r.p50, r.p99, micros(r.usage.proxy, r.operations), r.usage.switches / float64(r.operations)}, nil
	}
}

// churnConnections opens, uses and ends connections one after the other: how many a second,
// and what one costs the proxy.
func churnConnections(clients int, ending string) measurement {
	return func(ctx context.Context, b *bench, i instance) ([]float64, error) {
		if ending == "fin" {
			sleep.For(ctx, portsRest)
		}
		return churnResult(b.runLoad(ctx, i, "churn", clients, connections, ending, churnTime))
	}
}

// churnMany is churnConnections with a number of connections instead of a time.
func churnMany(ctx context.Context, b *bench, i instance, count, clients int, ending string) ([]float64, error) {
	return churnResult(b.runLoad(ctx, i, "churn", clients, count, ending))
}

func churnResult(r loadResult, err error) ([]float64, error) {
	if err != nil {
		return nil, err
	}
	return []float64{float64(r.operations) / r.took.Seconds(), micros(r.usage.proxy, r.operations), r.usage.switches / float64(r.operations)}, nil
}

// transferBulk moves bulk bytes in one direction: MB/s, and ms of processor time for a GiB.
func transferBulk(direction string) measurement {
	return func(ctx context.Context, b *bench, i instance) ([]float64, error) {
		r, err := b.runLoad(ctx, i, "bulk", 1, direction, bulk)
		if err != nil {
			return nil, err
		}
		perGiB := func(t time.Duration) float64 { return t.Seconds() * 1000 * (1 << 30) / bulk }
		return []float64{float64(bulk) / 1e6 / r.took.Seconds(), perGiB(r.usage.proxy), perGiB(r.usage.total())}, nil
	}
}

// besideBulk is the p99 of a byte there and back beside eight streams of bulk, µs, and how
// many times that is of what it is alone.
func besideBulk(ctx context.Context, b *bench, i instance) ([]float64, error) {
	alone, err := b.runLoad(ctx, i, "ping", 1, pingTime)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		_, err := b.runLoad(ctx, i, "bulk", 8, "down", int64(1)<<40)
		ended <- err
	}()
	beside, err := b.runLoad(ctx, i, "ping", 1, pingTime)
	cancel()
	if failed := <-ended; err == nil && ctx.Err() == nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("beside bulk: %w", err)
	}
	return []float64{beside.p99, beside.p99 / alone.p99}, nil
}

func micros(t time.Duration, operations int) float64 {
	return float64(t.Nanoseconds()) / 1000 / float64(operations)
}
