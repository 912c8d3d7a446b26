package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/api"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
)

const (
	manyProxies = 1000
	manyEdits   = 30_000      // on one proxy
	spreadEdits = 6           // on each of many proxies
	settleTime  = time.Second // in which a daemon gives back what was deleted
)

// runDaemonRole is the daemon's process.
func runDaemonRole(ctx context.Context, cfg api.Config) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	cfg.ProxyMetrics, cfg.Guard = true, api.Guard{Page: pageToken}
	daemon := api.New(cfg)
	return daemon.Serve(ctx, l, daemon)
}

// runRecorderRole is that of a daemon which records what passes, as harness proxy --pcap does.
func runRecorderRole(ctx context.Context) error {
	var writing sync.WaitGroup
	defer writing.Wait()
	recording := capture.NewRecording()
	return runDaemonRole(ctx, api.Config{ByteEvents: true, Record: recording.AddPassage, Events: func(e event.Event) {
		recording.AddEvent(e)
		if e.Kind == event.Close {
			one := recording.TakeConnection(e.Conn)
			writing.Go(func() { _ = one.WritePcapng(io.Discard, "") })
		}
	}})
}

// daemonRows are what the proxies of a daemon cost: idle ones, and edits of their
// toxics while five readers of events, where there are any, read nothing.
func daemonRows() []row {
	return []row{
		{name: "1000 idle proxies:", shape: delayed, parts: lessOf(1, "ms to create one", "descriptors of one", "kB of one", "kB of /metrics", "kB left a second after their deletion", "descriptors left"), measure: onDaemon(measureProxies)},
		{name: "30,000 edits of one proxy beside 5 stalled readers:", shape: delayed, parts: lessOf(2, "p50, ms", "p99, ms", "kB left"), measure: onDaemon(editsOf(1, manyEdits))},
		{name: "6,000 edits of 1000 proxies beside 5 stalled readers:", shape: delayed, parts: lessOf(2, "p50, ms", "p99, ms", "kB left"), measure: onDaemon(editsOf(manyProxies, spreadEdits))},
		eventRow(60_000), // a source of 50,000 has less than that on a busy machine
		eventRow(200_000),
	}
}

// lessOf are parts of which less is better.
func lessOf(digits int, names ...string) (list []part) {
	for _, name := range names {
		list = append(list, part{name: name, digits: digits, less: true})
	}
	return list
}

// A daemonCase measures a daemon that was just started.
type daemonCase func(ctx context.Context, d *daemonClient) ([]float64, error)

func onDaemon(measure daemonCase) func(context.Context, *bench, system) ([]float64, error) {
	return func(ctx context.Context, b *bench, s system) ([]float64, error) {
		var i instance
		var err error
		switch s.name {
		case serveName:
			i, err = spawnProcess(ctx, b.self, "-role", "daemon")
		case toxiproxyName:
			i, err = spawnToxiproxy(ctx, b.toxiproxy, "-proxy-metrics")
		default:
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer i.stop()
		d := &daemonClient{url: "http://" + i.addr, pid: i.pid}
		defer d.http.CloseIdleConnections()
		if err := d.call(ctx, "GET", "/proxies", nil); err != nil {
			return nil, err
		}
		return measure(ctx, d)
	}
}

type daemonClient struct {
	url  string
	pid  int
	http http.Client
}

func (d *daemonClient) call(ctx context.Context, method, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, d.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := d.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, response.Status, answer)
	}
	return err
}

func (d *daemonClient) createProxies(ctx context.Context, n int) error {
	for i := range n {
		proxy := map[string]any{"name": fmt.Sprint("p", i), "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
		if err := d.call(ctx, "POST", "/proxies", proxy); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemonClient) deleteProxies(ctx context.Context, n int) error {
	for i := range n {
		if err := d.call(ctx, "DELETE", fmt.Sprint("/proxies/p", i), nil); err != nil {
			return err
		}
	}
	return nil
}

// usage returns the resident memory, kB, and the descriptors of the daemon.
func (d *daemonClient) usage() (kB, files float64, err error) {
	kB, err = residentMemory(d.pid)
	list, failed := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.pid))
	return kB, float64(len(list)), errors.Join(err, failed)
}

func measureProxies(ctx context.Context, d *daemonClient) ([]float64, error) {
	kB, files, err := d.usage()
	began := time.Now()
	err = errors.Join(err, d.createProxies(ctx, manyProxies))
	took := time.Since(began)
	kBWith, filesWith, failed := d.usage()
	metrics, unread := d.sizeOf(ctx, "/metrics")
	err = errors.Join(err, failed, unread, d.deleteProxies(ctx, manyProxies))
	if err != nil {
		return nil, err
	}
	sleep.For(ctx, settleTime)
	kBAfter, filesAfter, err := d.usage()
	return []float64{took.Seconds() * 1000 / manyProxies, (filesWith - files) / manyProxies, (kBWith - kB) / manyProxies, metrics / 1000, kBAfter - kB, filesAfter - files}, err
}

// sizeOf returns how many bytes an answer has.
func (d *daemonClient) sizeOf(ctx context.Context, path string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", d.url+path, nil)
	if err != nil {
		return 0, err
	}
	response, err := d.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	return float64(n), err
}

// stallReaders has five clients ask for events and read none.
func (d *daemonClient) stallReaders() (end func(), err error) {
	var all []net.Conn
	end = func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
	for range 5 {
		c, err := net.Dial("tcp", d.url[len("http://"):])
		if err != nil {
			return end, err
		}
		all = append(all, c)
		if _, err = io.WriteString(c, "GET /events?bytes=true HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return end, err
		}
	}
	return end, nil
}

// warmUp has the daemon load the code that edits need, which counts as its memory.
func (d *daemonClient) warmUp(ctx context.Context) error {
	err := d.createProxies(ctx, 10)
	for i := range 100 {
		path := fmt.Sprintf("/proxies/p%d/toxics", i%10)
		err = errors.Join(err, d.call(ctx, "POST", path, map[string]any{"type": "latency"}), d.call(ctx, "DELETE", path+"/latency_downstream", nil))
	}
	err = errors.Join(err, d.deleteProxies(ctx, 10))
	sleep.For(ctx, settleTime)
	return err
}

// editsOf measures a number of edits of each of some proxies.
func editsOf(proxies, each int) daemonCase {
	return func(ctx context.Context, d *daemonClient) ([]float64, error) {
		err := d.warmUp(ctx)
		kB, _, unknown := d.usage()
		err = errors.Join(err, unknown)
		end, failed := d.stallReaders()
		defer end()
		if err = errors.Join(err, failed, d.createProxies(ctx, proxies)); err != nil {
			return nil, err
		}
		took := make([]time.Duration, 0, proxies*each)
		edit := func(method, path string, body any) {
			began := time.Now()
			err = errors.Join(err, d.call(ctx, method, path, body))
			took = append(took, time.Since(began))
		}
		for range each / 3 {
			for i := range proxies {
				path := fmt.Sprintf("/proxies/p%d/toxics", i)
				edit("POST", path, map[string]any{"type": "latency", "attributes": map[string]int{"latency": 1}})
				edit("POST", path+"/latency_downstream", map[string]any{"attributes": map[string]int{"latency": 2}})
				edit("DELETE", path+"/latency_downstream", nil)
			}
		}
		if err = errors.Join(err, d.deleteProxies(ctx, proxies)); err != nil {
			return nil, err
		}
		slices.Sort(took)
		sleep.For(ctx, settleTime)
		after, _, err := d.usage()
		ms := func(at time.Duration) float64 { return at.Seconds() * 1000 }
		return []float64{ms(took[len(took)/2]), ms(took[len(took)*99/100]), after - kB}, err
	}
}
