package datagram

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// payload is the i-th of a sequence: its number and what follows from that, of
// any length, none and the longest included.
func payload(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 1))
	size := r.IntN(2000)
	switch {
	case i%100 == 7:
		return nil
	case i%1000 == 11:
		size = MaxPayload
	}
	b := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)})
	_, _ = random.Read(b)
	if len(b) >= 8 {
		binary.BigEndian.PutUint64(b, uint64(i))
	}
	return b
}

// With no toxic 10,000 datagrams pass in each direction, in order, with their
// boundaries. No more are under way than a socket holds.
func TestFidelity(t *testing.T) {
	const total, window = 10_000, 2
	var payloads [total + 1][]byte
	for i := range payloads {
		payloads[i] = payload(i)
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			noGoroutines(t)
			server := listen(t, addr)
			p, _ := start(t, Config{Listen: addr, Upstream: server.LocalAddr().String()})
			client := dial(t, p.Addr().String())
			bytesSent := int64(0)
			for i := 0; i < total; i += window {
				for j := i; j < i+window; j++ {
					send(t, client, payloads[j])
					bytesSent += int64(len(payloads[j]))
				}
				var from *net.UDPAddr
				for j := i; j < i+window; j++ {
					from = want(t, server, payloads[j])
				}
				for j := i; j < i+window; j++ {
					reply(t, server, from, payloads[j+1])
				}
				for j := i; j < i+window; j++ {
					want(t, client, payloads[j+1])
				}
			}
			// What is sent is counted when the send has returned; the server may have answered by then.
			until(t, "all is counted", func() bool {
				return p.TotalTraffic(event.Upstream).Sent.Datagrams == total && p.TotalTraffic(event.Downstream).Sent.Datagrams == total
			})
			up := p.TotalTraffic(event.Upstream)
			if up.Received != (Count{total, bytesSent}) || up.Sent != up.Received {
				t.Errorf("counted %+v, want %d datagrams and %d bytes", up, total, bytesSent)
			}
			if list := p.OpenAssociations(); len(list) != 1 || list[0].Client != client.LocalAddr().String() ||
				list[0].Upstream != server.LocalAddr().String() || list[0].Traffic[event.Upstream] != up {
				t.Errorf("got %+v", list)
			}
			_ = p.Close()
		})
	}
}

// A client of either family is answered from the address that it has sent to,
// also when the proxy listens on every address.
func TestAnswersComeFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT PROVEN: only Linux tells which address a datagram was sent to")
	}
	server := listen(t, "127.0.0.1:0")
	for _, listenAt := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		p, _ := start(t, Config{Listen: listenAt, Upstream: server.LocalAddr().String()})
		_, port, _ := net.SplitHostPort(p.Addr().String())
		hosts := []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}
		if listenAt != "0.0.0.0:0" {
			hosts = append(hosts, "::1")
		}
		for _, host := range hosts {
			client := dial(t, net.JoinHostPort(host, port)) // connected: it takes answers from there only
			send(t, client, []byte("ask"))
			reply(t, server, want(t, server, []byte("ask")), []byte("answer"))
			want(t, client, []byte("answer"))
		}
		if n := len(p.OpenAssociations()); n != len(hosts) {
			t.Errorf("%s: %d associations, want %d", listenAt, n, len(hosts))
		}
	}
}

// Each of many clients has a socket of its own towards the server, and gets its
// own answers.
func TestManyClients(t *testing.T) {
	noGoroutines(t)
	const clients, rounds = 200, 20
	server := listen(t, "127.0.0.1:0")
	p, log := start(t, Config{Upstream: server.LocalAddr().String()})
	go func() {
		buffer := make([]byte, bufferSize)
		for {
			n, from, err := server.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDP(buffer[:n], from)
		}
	}()
	done := make(chan error, clients)
	for i := range clients {
		client := dial(t, p.Addr().String())
		go func() {
			got := make([]byte, 100)
			for j := range rounds {
				sent := binary.BigEndian.AppendUint32(nil, uint32(i*rounds+j))
				if _, err := client.Write(sent); err != nil {
					done <- err
					return
				}
				n, err := client.Read(got)
				if err != nil || !bytes.Equal(got[:n], sent) {
					t.Errorf("client %d got %x %v, want %x", i, got[:n], err, sent)
				}
			}
			done <- nil
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(p.OpenAssociations()); n != clients {
		t.Errorf("%d associations, want %d", n, clients)
	}
	_ = p.Close()
	_ = server.Close()
	if a, c := count(log, event.Accept), count(log, event.Close); a != clients || c != clients {
		t.Errorf("%d accepts and %d closes, want %d", a, c, clients)
	}
}
