package datagram

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// BenchmarkRoundTrip measures what the proxy adds to one datagram there and back:
// direct, through the proxy, and with a toxic that does nothing.
func BenchmarkRoundTrip(b *testing.B) {
	for name, flags := range map[string][]string{"direct": nil, "proxy": {}, "toxic": {"drop direction=upstream at.segment=2000000000"}} {
		b.Run(name, func(b *testing.B) {
			server := listen(b, "127.0.0.1:0")
			addr := server.LocalAddr().String()
			if flags != nil {
				addr = startBench(b, addr, flags).Addr().String()
			}
			go func() {
				buffer := make([]byte, bufferSize)
				for {
					n, from, err := server.ReadFromUDPAddrPort(buffer)
					if err != nil {
						return
					}
					_, _ = server.WriteToUDPAddrPort(buffer[:n], from)
				}
			}()
			client := dial(b, addr)
			_ = client.SetReadDeadline(time.Time{})
			buffer := make([]byte, 1000)
			b.ReportAllocs()
			for b.Loop() {
				send(b, client, buffer)
				if _, err := client.Read(buffer); err != nil {
					b.Fatal(err)
				}
			}
			_ = server.Close()
		})
	}
}

// BenchmarkForward measures how fast datagrams of 1000 bytes go one way, no more
// under way than the sockets hold.
func BenchmarkForward(b *testing.B) {
	server := listen(b, "127.0.0.1:0")
	p := startBench(b, server.LocalAddr().String(), nil)
	client := dial(b, p.Addr().String())
	const window = 256
	credit := make(chan struct{}, window)
	go func() {
		buffer := make([]byte, bufferSize)
		for {
			if _, err := server.Read(buffer); err != nil {
				return
			}
			<-credit
		}
	}()
	payload := make([]byte, 1000)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		credit <- struct{}{}
		send(b, client, payload)
	}
	for len(credit) > 0 {
		runtime.Gosched()
	}
	if t := p.TotalTraffic(event.Upstream); t.Received != t.Sent {
		b.Errorf("lost: %+v", t)
	}
	_ = server.Close()
}

// BenchmarkAssociation measures the memory that an idle client costs.
func BenchmarkAssociation(b *testing.B) {
	server := listen(b, "127.0.0.1:0")
	p := startBench(b, server.LocalAddr().String(), nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for b.Loop() {
		if n++; n > 2000 {
			continue
		}
		c, err := net.Dial("udp", p.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		send(b, c.(*net.UDPConn), []byte("x"))
		_, _, _ = server.ReadFromUDPAddrPort(make([]byte, 10))
		_ = c.Close()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/float64(len(p.OpenAssociations())), "B/association")
}

func startBench(b *testing.B, upstream string, flags []string) *Proxy {
	b.Helper()
	p, err := New(Config{Listen: "127.0.0.1:0", Upstream: upstream, Toxics: makeAll(b, flags...)})
	if err == nil {
		err = p.Start(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	return p
}
