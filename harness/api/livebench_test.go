package api

import (
	"bytes"
	"net"
	"testing"
)

// BenchmarkLiveFrame measures a frame beside 1,000 connections that are quiet.
func BenchmarkLiveFrame(b *testing.B) {
	d, url := serve(b, Config{})
	upstream := listen(b)
	go func() {
		for {
			c, err := upstream.Accept()
			if err != nil {
				return
			}
			defer c.Close() // all of them, at the end
		}
	}()
	addr := newProxy(b, url, "p", upstream.Addr().String())
	for range 1000 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
	}
	v := &liveView{daemon: d, shown: map[uint64]*shownConnection{}}
	var text bytes.Buffer
	until(b, "all are open", func() bool { return len(d.openConnections(connectionFilter{})) == 1000 })
	v.writeFrame(&text)
	b.ReportAllocs()
	for b.Loop() {
		text.Reset()
		v.writeFrame(&text)
	}
	if text.Len() > 1000 {
		b.Errorf("a frame of nothing new has %d bytes", text.Len())
	}
}
