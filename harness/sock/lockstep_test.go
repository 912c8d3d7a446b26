package sock_test

import (
	"net"
	"testing"
)

// countReads reads to the end and returns how often a read gave something.
func countReads(c net.Conn) (reads, bytes int) {
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return reads, bytes
		}
		reads++
		bytes += n
	}
}

func BenchmarkLockStep(b *testing.B) {
	d := openDiag(b)
	client, server := pair(b)
	counted := make(chan int)
	go func() {
		n, _ := countReads(server)
		counted <- n
	}()
	receiver, sender := ends(client)
	ctx := bounded(b)
	b.ReportAllocs()
	var sent uint64
	for b.Loop() {
		if _, err := client.Write([]byte{'x'}); err != nil {
			b.Fatal(err)
		}
		sent++
		if err := d.AwaitConsumed(ctx, receiver, sender, sent); err != nil {
			b.Fatal(err)
		}
	}
	client.CloseWrite()
	if n := <-counted; n != int(sent) {
		b.Errorf("got %d reads, want %d", n, sent)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pieces/s")
}
