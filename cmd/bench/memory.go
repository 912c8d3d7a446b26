package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	idleConnections = 1000
	warmConnections = 20 // opened before the memory is looked at the first time
)

// memoryGrowth is how much the process of a system grows by for each connection that
// has been used and then idles, kB. The process is a fresh one: what was freed
// before would be used again.
func memoryGrowth(sh toxicSetup) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
		if s.name == directName {
			return nil, nil
		}
		i, err := s.start(ctx, b, sh)
		if err != nil {
			return nil, err
		}
		defer i.stop()
		grown, err := measureGrowth(ctx, i)
		return []float64{grown}, err
	}
}

func measureGrowth(ctx context.Context, i instance) (float64, error) {
	var conns []*net.TCPConn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	hold := func(n int) (kB float64, err error) {
		for range n {
			conn, err := connectTimeout(ctx, i.addr)
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
		return residentMemory(i.pid)
	}
	before, err := hold(warmConnections)
	if err != nil {
		return 0, err
	}
	after, err := hold(idleConnections)
	return (after - before) / idleConnections, err
}

// residentMemory returns the resident memory of a process in kB.
func residentMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}
