package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

const (
	lateSamples   = 101
	bandwidthTime = 600 * time.Millisecond
)

// latencyError is by how much a delay is missed from the server to the client, µs:
// median and p99, whichever side of it they are. The way without a toxic is part of it.
func latencyError(sh toxicSetup) func(context.Context, *bench, system) ([]float64, error) {
	want := time.Duration(sh.latency) * time.Millisecond
	if sh.micros > 0 {
		want = time.Duration(sh.micros) * time.Microsecond
	}
	return onInstance(sh, func(ctx context.Context, _ *bench, i instance) ([]float64, error) { return missedBy(ctx, i, want) })
}

// missedBy measures a delay on a system that runs.
func missedBy(ctx context.Context, i instance, want time.Duration) ([]float64, error) {
	conn, err := connectTimeout(ctx, i.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{'t'}); err != nil {
		return nil, err
	}
	var errors []float64
	stamp := make([]byte, 8)
	for range lateSamples {
		if _, err := conn.Write(stamp[:1]); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(conn, stamp); err != nil {
			return nil, err
		}
		took := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(stamp))))
		errors = append(errors, math.Abs(float64((took-want).Nanoseconds())/1000))
	}
	return []float64{quantileOf(errors, 0.5), quantileOf(errors, 0.99)}, nil
}

// bandwidthRow is the error of a rate, percent, and when the first byte comes.
func bandwidthRow(rate int) row {
	sh := toxicSetup{latency: noToxic, rate: rate}
	return row{name: fmt.Sprintf("bandwidth %d KB/s:", rate), shape: sh,
		parts: []part{{name: "error in %", digits: 2, less: true}, {name: "first byte after ms", digits: 2, less: true}},
		measure: onInstance(sh, func(ctx context.Context, _ *bench, i instance) ([]float64, error) {
			return rateError(ctx, i.addr, rate)
		})}
}

// rateError asks for as many bytes as the rate lets through in the time of the
// measurement.
func rateError(ctx context.Context, addr string, rate int) ([]float64, error) {
	conn, err := connectTimeout(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	size := int(float64(rate*1000) * bandwidthTime.Seconds())
	request := binary.BigEndian.AppendUint64([]byte{'d'}, uint64(size))
	start := time.Now()
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	buffer := make([]byte, 256<<10)
	n, err := conn.Read(buffer)
	first := time.Since(start)
	for got := n; got < size && err == nil; got += n {
		n, err = conn.Read(buffer)
	}
	took := time.Since(start).Seconds()
	deviation := 100 * math.Abs(float64(size)/took/float64(rate*1000)-1)
	return []float64{deviation, float64(first.Microseconds()) / 1000}, err
}
