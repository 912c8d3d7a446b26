package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
)

// forward is the proxy process.
func forward(ctx context.Context, upstream string, sh shape) error {
	list, err := sh.toxics()
	if err != nil {
		return err
	}
	p, err := proxy.New(proxy.Config{Name: "bench", Listen: "127.0.0.1:0", Upstream: upstream, Toxics: list})
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	defer p.Close()
	fmt.Println(p.Addr())
	<-ctx.Done()
	return nil
}

// toxics returns what makes our proxy have the shape.
func (sh shape) toxics() (list []proxy.Toxic, err error) {
	add := func(d event.Direction, kind, attribute string, value int) {
		made, failed := toxics.Make(toxics.Spec{Type: kind, Direction: d, Attributes: map[string]any{attribute: value}})
		if failed != nil {
			err = failed
			return
		}
		list = append(list, proxy.Toxic{Name: kind + "_" + d.String(), Toxic: made.Instance, BufferSize: made.BufferSize, Direction: d, Toxicity: 1})
	}
	for _, d := range []event.Direction{event.Upstream, event.Downstream} {
		if sh.latency != noToxic {
			add(d, "latency", "latency", sh.latency)
		}
	}
	if sh.rate > 0 {
		add(event.Downstream, "bandwidth", "rate", sh.rate)
	}
	return list, err
}

// serve is the server process: the first byte of a connection says what it is
// for: e(cho), u(pload), d(ownload), t(ime), b(ytes).
func serve(ctx context.Context) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	fmt.Println(listener.Addr())
	return accept(ctx, listener.(*net.TCPListener), answer)
}

func answer(conn net.Conn, mode byte) {
	defer conn.Close()
	switch mode {
	case 'u':
		if download(conn) == nil {
			_, _ = conn.Write([]byte{mode})
		}
	case 'd':
		send(conn, bulk)
	case 't':
		tellTime(conn)
	case 'b':
		var size uint64
		if binary.Read(conn, binary.BigEndian, &size) == nil {
			send(conn, int(size))
		}
	}
}

func send(conn net.Conn, size int) {
	buffer := make([]byte, 256<<10)
	for size > 0 {
		n, err := conn.Write(buffer[:min(size, len(buffer))])
		if err != nil {
			return
		}
		size -= n
	}
	_, _ = conn.Read(buffer) // until the client has all of it
}

// tellTime sends the time, ns, whenever it is asked.
func tellTime(conn net.Conn) {
	b := make([]byte, 8)
	for {
		if _, err := io.ReadFull(conn, b[:1]); err != nil {
			return
		}
		binary.BigEndian.PutUint64(b, uint64(time.Now().UnixNano()))
		if _, err := conn.Write(b); err != nil {
			return
		}
	}
}
