package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// benign toxics change neither the bytes nor the endings; hostile ones do. (Not
// small_window, which opens the port anew: somebody may take it meanwhile.)
var (
	benign = []string{`"noop"`, `"latency","attributes":{"latency":1,"jitter":1}`, `"bandwidth","attributes":{"rate":20000}`,
		`"slicer","attributes":{"average_size":500,"size_variation":100}`, `"slow_close","attributes":{"delay":1}`,
		`"coalesce","attributes":{"bytes":2000,"wait":1}`, `"latency","attributes":{"latency":2},"toxicity":0.5`, `"slicer","attributes":{"average_size":700},"at":{"byte":900}`}
	hostile = slices.Concat(benign, []string{`"limit_data","attributes":{"bytes":1500}`, `"timeout","attributes":{"timeout":1}`, `"timeout"`, `"reset_peer"`,
		`"half_close","at":{"byte":100}`, `"reset","at":{"byte":100}`, `"vanish","at":{"byte":100}`, `"stall"`, `"bandwidth","attributes":{"rate":0}`,
		`"slice","attributes":{"size":1000}`, `"corrupt"`, `"refuse"`})
)

// Short connections while toxics of every type are added, changed and removed:
// what kills or wedges Toxiproxy within 20 to 560 calls.
func TestChurn(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("churn", churn)
	http.DefaultClient.CloseIdleConnections()
	until(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

func churn(t *testing.T) {
	d, url := serve(t, Config{Seed: 3, ProxyMetrics: true, Events: func(e event.Event) {
		if e.Kind == event.Panic || e.Kind == event.Abandon || e.Kind == event.RST && e.Proxy == "p0" {
			t.Errorf("event %+v", e)
		}
	}})
	upstream := listen(t)
	echo(t, upstream)
	stop := make(chan struct{})
	var clients, editors sync.WaitGroup
	var slowest [2]time.Duration
	for i, list := range [][]string{benign, hostile} {
		name := fmt.Sprint("p", i)
		addr := newProxy(t, url, name, upstream.Addr().String())
		for n := range 8 {
			clients.Go(func() { visit(t, addr, n, stop, i == 0) })
		}
		editors.Go(func() { slowest[i] = edit(t, d, "/proxies/"+name+"/toxics", list, uint64(i)) })
	}
	editors.Wait()
	must(t, 204, "POST", url+"/reset", "")
	close(stop)
	clients.Wait()
	t.Logf("slowest calls: %v", slowest)
}

// edit adds, changes and removes toxics at full speed.
func edit(t *testing.T, d *Daemon, path string, list []string, seed uint64) (slowest time.Duration) {
	dice := rand.New(rand.NewPCG(seed, 4))
	do := func(method, path, body string, want ...int) {
		start := time.Now()
		status := ask(d, method, path, body)
		slowest = max(slowest, time.Since(start))
		if !slices.Contains(want, status) {
			t.Errorf("%s %s %s: got %d, want one of %v", method, path, body, status, want)
		}
	}
	const rounds = 150
	for range rounds {
		name := fmt.Sprint("t", dice.IntN(4))
		stream := event.Direction(dice.IntN(2)).String()
		body := fmt.Sprintf(`{"name":%q,"stream":%q,"type":%s}`, name, stream, list[dice.IntN(len(list))])
		do("POST", path, body, 200, 409)
		do("PATCH", path+"/"+name, `{"toxicity":`+fmt.Sprint(dice.Float32())+`}`, 200, 400) // refuse takes no share
		do("GET", "/proxies", "", 200)
		if dice.IntN(2) == 0 {
			do("DELETE", path+"/"+name, "", 204)
		}
	}
	return slowest
}

// ask has the daemon answer a request without a socket in between.
func ask(d *Daemon, method, path, body string) int {
	r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	w := recorder{header: http.Header{}}
	d.ServeHTTP(&w, r)
	return w.status
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// visit makes short connections until it is told to stop. If they are to be
// whole, every byte must come back.
func visit(t *testing.T, addr string, n int, stop <-chan struct{}, whole bool) {
	want := bytes.Repeat([]byte{byte('a' + n)}, 3000)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		got, err := exchange(addr, want)
		var timeout interface{ Timeout() bool }
		switch {
		case whole && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("client %d, connection %d: %d of %d bytes came back, %v", n, i, len(got), len(want), err)
			return
		case errors.As(err, &timeout) && timeout.Timeout():
			t.Errorf("client %d, connection %d: %v", n, i, err)
			return
		}
	}
}

func exchange(addr string, data []byte) ([]byte, error) {
	c, err := tryDial(addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(data); err != nil {
		return nil, err
	}
	_ = c.CloseWrite()
	return io.ReadAll(c)
}
