package main

import (
	"net"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// connect FILE connects to the address that the file begins with, and stays
// connected until the script ends.
func connect(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: connect FILE")
	}
	at, _, _ := strings.Cut(strings.TrimSpace(ts.ReadFile(args[0])), " ")
	c, err := net.Dial("tcp", at)
	ts.Check(err)
	ts.Defer(func() { _ = c.Close() })
	_, err = c.Write([]byte("x"))
	ts.Check(err)
}
