#!/usr/bin/env bash
# simonvetter/modbus: when the time limit ends inside an answer, the requests after it fail, though each is answered at once.
# Version: github.com/simonvetter/modbus v1.6.4 (Go module)
# Behaviour: a Modbus/TCP answer has a transaction identifier, so that a client can tell a late answer from its own. The
# client does so where the whole answer is late: the next request finds and skips it. Where a part of it came before the
# time limit, as over a slow radio link, the client drops that part and keeps the connection: the rest is then read as the
# header of the next answer. Each request fails with "protocol error" or "request timed out" until the lengths happen to
# fit again, and the connection is not closed, so a reconnect on a closed connection does not help.
# Seen: (answers of 11 bytes to 6 requests, the first of which is paused behind some bytes for longer than the time limit)
#       paused behind 0 bytes: timeout 102 103 104 105 106
#       paused behind 3 bytes: timeout error error error error error
#       paused behind 10 bytes: timeout error error error error timeout
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module example.com/late

go 1.24
MOD
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/simonvetter/modbus"
)

// serve answers a request for register N with 100 + N. Behind some bytes of the first answer it
// waits until it is told to go on, and then says that it has.
func serve(l net.Listener, behind int, goOn, gone chan struct{}) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	request := make([]byte, 12)
	for first := true; ; first = false {
		if _, err := io.ReadFull(conn, request); err != nil {
			return
		}
		answer := []byte{request[0], request[1], 0, 0, 0, 5, request[6], 3, 2, 0, 100 + request[9]}
		if !first {
			conn.Write(answer)
			continue
		}
		conn.Write(answer[:behind])
		<-goOn
		conn.Write(answer[behind:])
		close(gone)
	}
}

func ask(c *modbus.ModbusClient, register uint16) string {
	value, err := c.ReadRegister(register, modbus.HOLDING_REGISTER)
	switch {
	case err == nil:
		return fmt.Sprint(value)
	case errors.Is(err, modbus.ErrRequestTimedOut):
		return "timeout"
	}
	return "error"
}

func try(behind int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	goOn, gone := make(chan struct{}), make(chan struct{})
	go serve(l, behind, goOn, gone)
	c, err := modbus.NewClient(&modbus.ClientConfiguration{URL: "tcp://" + l.Addr().String(), Timeout: 2 * time.Second, Logger: log.New(io.Discard, "", 0)})
	if err != nil {
		panic(err)
	}
	if err := c.Open(); err != nil {
		panic(err)
	}
	defer c.Close()
	fmt.Printf("paused behind %d bytes: %s", behind, ask(c, 1))
	close(goOn)
	<-gone
	for register := uint16(2); register <= 6; register++ {
		fmt.Print(" ", ask(c, register))
	}
	fmt.Println()
}

func main() {
	for _, behind := range []int{0, 3, 10} {
		try(behind)
	}
}
GO
go get github.com/simonvetter/modbus@v1.6.4 >log 2>&1 || { cat log; exit 1; }
go mod tidy >log 2>&1 || { cat log; exit 1; }
got=$(go run .)
echo "$got"
[ "$got" = 'paused behind 0 bytes: timeout 102 103 104 105 106
paused behind 3 bytes: timeout error error error error error
paused behind 10 bytes: timeout error error error error timeout' ]
