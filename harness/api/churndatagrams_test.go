package api

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// shuffling toxics leave every datagram as it is, and lose none for good;
// unreliable ones do as they like.
var (
	shuffling = []string{`"latency","attributes":{"latency":1,"jitter":1}`, `"latency","attributes":{"latency":2,"jitter":2,"reorder":true},"toxicity":0.5`,
		`"reorder","attributes":{"hold":2}`, `"reorder","attributes":{"positions":3,"hold":1},"at":{"segment":3}`, `"duplicate"`,
		`"duplicate","attributes":{"copies":3,"every":2},"connections":"2-"`, `"bandwidth","attributes":{"rate":20000}`}
	unreliable = append([]string{`"drop"`, `"drop","attributes":{"burst":3},"toxicity":0.3,"seed":4`, `"packet_loss","attributes":{"loss_rate":0.5,"correlation":0.3}`,
		`"truncate","attributes":{"size":3}`, `"corrupt","attributes":{"bits":9}`, `"corrupt","at":{"pattern":"\u0001"},"attributes":{"only":true}`,
		`"bandwidth","attributes":{"rate":0}`, `"bandwidth","attributes":{"rate":1,"queue":1000}`}, shuffling...)
)

const churnSenders = 4

// datagramChurn makes a proxy of that name, with fewer associations than it has
// clients, and clients that use it until they are told to stop. If they are to be
// whole, every answer must be what was sent, and must come.
func datagramChurn(t *testing.T, url, name string, whole bool, stop <-chan struct{}, clients *sync.WaitGroup, exchanged *atomic.Int64) {
	t.Helper()
	addr := freeDatagramAddr(t)
	body := fmt.Sprintf(`{"name":%q,"listen":"udp:%s","upstream":%q,"associations":%d,"idle":10}`, name, addr, mirror(t), churnSenders-1)
	must(t, 201, "POST", url+"/proxies", body)
	for n := range churnSenders {
		clients.Go(func() { exchanged.Add(send(t, addr, n, stop, whole)) })
	}
}

// mirror sends every datagram back to where it came from.
func mirror(t *testing.T) (addr string) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			_, _ = c.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return "udp:" + c.LocalAddr().String()
}

func freeDatagramAddr(t *testing.T) string {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String()
}

// send is one client after another, and returns how many answers came.
func send(t *testing.T, addr string, n int, stop <-chan struct{}, whole bool) (count int64) {
	dice := rand.New(rand.NewPCG(uint64(n), 11))
	payload := make([]byte, 400)
	for number := uint64(1); ; number += 20 {
		c, err := net.Dial("udp", addr)
		if err != nil {
			t.Error(err)
			return count
		}
		for i := range uint64(20) {
			for j := range payload {
				payload[j] = byte(dice.Uint32())
			}
			binary.BigEndian.PutUint64(payload, number+i)
			sealed := seal(payload[:9+dice.IntN(380)])
			answered, err := converse(c, sealed, whole, stop)
			if err != nil {
				t.Errorf("client %d: %v", n, err)
			}
			if err != nil || errors.Is(stopped(stop), io.EOF) {
				_ = c.Close()
				return count
			}
			if answered {
				count++
			}
		}
		_ = c.Close()
	}
}

func stopped(stop <-chan struct{}) error {
	select {
	case <-stop:
		return io.EOF
	default:
		return nil
	}
}

// converse sends a datagram until it has come back, if it is to come back whole,
// and once else.
func converse(c net.Conn, payload []byte, whole bool, stop <-chan struct{}) (answered bool, err error) {
	b := make([]byte, 1<<16)
	for began := time.Now(); time.Since(began) < bound; {
		if stopped(stop) != nil {
			return false, nil
		}
		_, _ = c.Write(payload) // an ICMP error of the last one is no failure of this one
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		for {
			got, err := c.Read(b)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			switch same := err == nil && bytes.Equal(b[:got], payload); {
			case same || !whole && err == nil:
				return true, nil
			case whole && err == nil && !intact(b[:got]): // else it is a late one, or one of two
				return false, fmt.Errorf("sent %d bytes %X, got %d bytes %X", len(payload), payload, got, b[:got])
			}
		}
		if !whole {
			return false, nil
		}
	}
	return false, fmt.Errorf("a datagram never came back: %X", payload)
}

// seal returns the payload with a checksum at the end, and intact looks at that.
func seal(payload []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(payload), crc32.ChecksumIEEE(payload))
}

func intact(b []byte) bool { return len(b) > 12 && bytes.Equal(b, seal(b[:len(b)-4])) }
