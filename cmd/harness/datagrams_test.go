package main

import (
	"net"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// send-datagrams FILE PAYLOAD… sends datagrams to the proxy whose output goes to
// the file, and waits until the last of them is in there as forwarded.
func sendDatagrams(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: send-datagrams FILE PAYLOAD…")
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(ts.ReadFile(args[0]), "udp:"), " ")
	c, err := net.Dial("udp", at)
	ts.Check(err)
	defer c.Close()
	for _, payload := range args[1:] {
		for { // a datagram before it may have been refused, which is told once
			if _, err = c.Write([]byte(payload)); err == nil {
				break
			}
		}
	}
	if !eventually(func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && strings.Contains(string(text), "upstream from byte 3")
	}) {
		ts.Fatalf("nothing was forwarded for the second time")
	}
}
