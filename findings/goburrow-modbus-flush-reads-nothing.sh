#!/usr/bin/env bash
# goburrow/modbus: its flush never reads, so that after one late answer every request gets the answer to the one before.
# Version: github.com/goburrow/modbus v0.1.0 (Go module)
# Behaviour: "flush flushes pending data in the connection, returns io.EOF if connection is closed", and each request
# begins with it. It sets a read deadline of now and reads. In Go a read behind its deadline fails before it looks for
# data, so it returns a timeout, which it ignores, whatever has come. One answer that is later than the time limit stays
# in the socket for good: each request reads the answer before, and is told that the transaction does not match. The
# connection stays open, so a program that connects again only when the connection fails stays out of step.
# Seen: (requests 1 to 6; the first is answered behind its time limit and before request 2)
#       1 timeout, 2 got 1, 3 got 2, 4 got 3, 5 got 4, 6 got 5
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module example.com/late

go 1.24

require github.com/goburrow/modbus v0.1.0

require github.com/goburrow/serial v0.1.0 // indirect
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/goburrow/modbus"
)

// serve answers a request for register N with 100 + N, the first one when it is told to.
func serve(conn net.Conn, goOn, gone chan struct{}) {
	request := make([]byte, 12)
	for first := true; ; first = false {
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		if first {
			<-goOn
		}
		conn.Write([]byte{request[0], request[1], 0, 0, 0, 5, request[6], 3, 2, 0, 100 + request[9]})
		if first {
			close(gone)
		}
	}
}

func ask(c modbus.Client, register uint16) string {
	value, err := c.ReadHoldingRegisters(register, 1)
	var timeout net.Error
	var got, want int
	switch {
	case err == nil:
		return fmt.Sprint(register, " right ", value)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprint(register, " timeout")
	}
	line := strings.ReplaceAll(err.Error(), "'", "")
	if _, scan := fmt.Sscanf(line, "modbus: response transaction id %d does not match request %d", &got, &want); scan != nil {
		return err.Error()
	}
	return fmt.Sprint(want, " got ", got)
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	goOn, gone := make(chan struct{}), make(chan struct{})
	go func() {
		if conn, err := l.Accept(); err == nil {
			serve(conn, goOn, gone)
		}
	}()
	handler := modbus.NewTCPClientHandler(l.Addr().String())
	handler.Timeout = 2 * time.Second
	if err := handler.Connect(); err != nil {
		panic(err)
	}
	client := modbus.NewClient(handler)
	answers := []string{ask(client, 1)}
	close(goOn)
	<-gone
	for register := uint16(2); register <= 6; register++ {
		answers = append(answers, ask(client, register))
	}
	fmt.Println(strings.Join(answers, ", "))
}
GO
go mod tidy >log 2>&1 || { cat log; exit 1; }
got=$(go run .)
echo "$got"
[ "$got" = '1 timeout, 2 got 1, 3 got 2, 4 got 3, 5 got 4, 6 got 5' ]
