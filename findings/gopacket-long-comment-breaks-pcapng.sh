#!/usr/bin/env bash
# gopacket's pcapgo: a comment of 64 KiB is written without an error, and the file cannot be read.
# Version: github.com/gopacket/gopacket v1.7.7 (Go module)
# Behaviour: an option of pcapng has a length of 16 bits. NgWriter puts the length of a comment into it without a
# look at its size, and writes all of the comment: of 65,540 bytes the option says 4. WritePacketWithOptions and Flush
# return nil. NgReader, of the same package, takes the rest of the comment for the next options.
# Seen: comment of 65532 bytes: write <nil>, read back 65532 bytes
#       comment of 65540 bytes: write <nil>, read back with an error
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module example.com/comment

go 1.24
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

func try(size int) {
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, layers.LinkTypeEthernet)
	if err != nil {
		panic(err)
	}
	data := make([]byte, 60)
	about := gopacket.CaptureInfo{Timestamp: time.Unix(0, 0), CaptureLength: len(data), Length: len(data)}
	err = w.WritePacketWithOptions(about, data, pcapgo.NgPacketOptions{Comments: []string{strings.Repeat("c", size)}})
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	fmt.Printf("comment of %d bytes: write %v, ", size, err)
	r, err := pcapgo.NewNgReader(&file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		panic(err)
	}
	_, _, options, err := r.ReadPacketDataWithOptions()
	switch {
	case err != nil:
		fmt.Println("read back with an error")
	case len(options.Comments) != 1:
		fmt.Printf("read back %d comments\n", len(options.Comments))
	default:
		fmt.Printf("read back %d bytes\n", len(options.Comments[0]))
	}
}

func main() {
	try(65532)
	try(65540)
}
GO
go get github.com/gopacket/gopacket@v1.7.7 >log 2>&1 || { cat log; exit 1; }
go mod tidy >log 2>&1 || { cat log; exit 1; }
got=$(go run .)
echo "$got"
[ "$got" = 'comment of 65532 bytes: write <nil>, read back 65532 bytes
comment of 65540 bytes: write <nil>, read back with an error' ]
