package api

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
)

// benign toxics change neither the bytes nor the endings; hostile ones do.
var (
	benign = []string{`"noop"`, `"latency","attributes":{"latency":1,"jitter":1}`, `"bandwidth","attributes":{"rate":20000}`,
		`"slicer","attributes":{"average_size":500,"size_variation":100}`, `"slow_close","attributes":{"delay":1}`,
		`"coalesce","attributes":{"bytes":2000,"wait":1}`, `"latency","attributes":{"latency":2},"toxicity":0.5`, `"slicer","attributes":{"average_size":700},"at":{"byte":900}`,
		`"latency","attributes":{"latency":1,"jitter":1,"distribution":"pareto"},"connections":"1-"`, `"bandwidth","attributes":{"rate":50000,"shared":true}`,
		`"packet_loss","attributes":{"loss_rate":0.2,"rto":1}`, `"limit_time","attributes":{"time":3600000}`, `"noop","at":{"opposite":"\u0001"},"seed":5`,
		`"stall","attributes":{"duration":2}`, `"slice","attributes":{"offsets":[1000,2000]}`, `"small_window"`,
		`"inject","attributes":{"match":"what no noise has in it","data":"x","count":0}`}
	hostile = slices.Concat(benign, []string{`"limit_data","attributes":{"bytes":1500}`, `"timeout","attributes":{"timeout":1}`, `"timeout"`, `"reset_peer"`,
		`"half_close","at":{"byte":100}`, `"reset","at":{"byte":100}`, `"vanish","at":{"byte":100}`, `"stall"`, `"bandwidth","attributes":{"rate":0}`,
		`"slice","attributes":{"size":1000}`, `"corrupt"`, `"refuse"`, `"limit_time","attributes":{"time":1,"ending":"reset"}`, `"packet_loss","attributes":{"loss_rate":1}`,
		`"reset","at":{"opposite":"\u0002"}`, `"inject","attributes":{"data":"hex:00ff","replace":3},"at":{"frame":"2+1","framing":"fixed=100"}`,
		`"unplug","at":{"byte":1000000}`}) // whom it strikes may wait forever
)

// The churn tries every type of the catalogue.
func TestChurnIsComplete(t *testing.T) {
	for _, k := range toxics.Catalogue() {
		if !slices.ContainsFunc(hostile, func(s string) bool { return strings.HasPrefix(s, `"`+k.Name+`"`) }) {
			t.Errorf("%s is not tried", k.Name)
		}
	}
	for _, k := range datagram.Catalogue() {
		if !slices.ContainsFunc(unreliable, func(s string) bool { return strings.HasPrefix(s, `"`+k.Name+`"`) }) {
			t.Errorf("%s is not tried on datagrams", k.Name)
		}
	}
}

// Short connections while toxics of every type are added, changed and removed,
// beside a client that does not read and an upstream that does not answer: what
// kills or wedges Toxiproxy within 20 to 560 calls. HARNESS_CHURN=60s is an
// hour's worth of it.
func TestChurn(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("churn", churn)
	http.DefaultClient.CloseIdleConnections()
	until(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

const churnClients = 32

func churn(t *testing.T) {
	length := 3 * time.Second
	if text := os.Getenv("HARNESS_CHURN"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("HARNESS_CHURN: %v", err)
		}
	}
	d, url := serve(t, Config{Seed: 3, ProxyMetrics: true, Events: func(e event.Event) {
		if e.Kind == event.Panic || e.Kind == event.Leaked || e.Kind == event.RST && e.Proxy == "p0" {
			t.Errorf("event %+v", e)
		}
	}})
	upstream := listen(t)
	echo(t, upstream)
	stop := make(chan struct{})
	audited := auditEvents(t, d, stop)
	var clients, editors sync.WaitGroup
	clients.Go(func() { killSome(d, "p1", stop) })
	var visits, exchanged atomic.Int64
	var took [6]durations
	start := time.Now()
	for i, list := range [][]string{benign, hostile} {
		addr := newProxy(t, url, fmt.Sprint("p", i), upstream.Addr().String())
		for n := range churnClients / 2 {
			clients.Go(func() { visits.Add(visit(t, addr, n, stop, i == 0)) })
		}
		editors.Go(func() { took[i] = edit(t, d, fmt.Sprint("p", i), list, uint64(i), start.Add(length)) })
	}
	for i, wedge := range []func(*testing.T, string){stalled, blackHoled} {
		name := []string{"stalled", "blackholed"}[i]
		wedge(t, url)
		editors.Go(func() { took[2+i] = edit(t, d, name, benign, uint64(2+i), start.Add(length)) })
	}
	for i, list := range [][]string{shuffling, unreliable} {
		name := fmt.Sprint("d", i)
		datagramChurn(t, url, name, i == 0, stop, &clients, &exchanged)
		editors.Go(func() { took[4+i] = edit(t, d, name, list, uint64(4+i), start.Add(length)) })
	}
	var control durations // what does nothing, on the same machine at once
	editors.Go(func() {
		for ok := true; ok; ok = time.Now().Before(start.Add(length)) { // once at least: this goroutine may start late
			began := time.Now()
			ask(d, "GET", "/healthz", "")
			control = append(control, duration{time.Since(began), "GET /healthz"})
			runtime.Gosched()
		}
	})
	editors.Wait()
	must(t, 204, "POST", url+"/reset", "")
	close(stop)
	clients.Wait()
	<-audited
	all := slices.Concat(took[:]...)
	t.Logf("%v, %d connections, %d exchanges of datagrams", time.Since(start).Round(time.Millisecond), visits.Load(), exchanged.Load())
	p99 := all.tell(t, "calls")
	control.tell(t, "calls that do nothing")
	if p99 > 2*time.Second { // what it is for is the report: the machine may be busy
		t.Errorf("p99 of the API is %v", p99)
	}
}

// tell reports how long the calls took and returns the 99th percentile.
func (list durations) tell(t *testing.T, what string) time.Duration {
	t.Helper()
	slices.SortFunc(list, func(a, b duration) int { return cmp.Compare(a.Duration, b.Duration) })
	p99 := list[len(list)*99/100].Duration
	t.Logf("%d %s, p50 %v, p99 %v; slowest:", len(list), what, list[len(list)/2].Duration, p99)
	for _, slow := range list[max(len(list)-3, 0):] {
		t.Logf("  %v %s", slow.Duration, slow.call)
	}
	return p99
}

type durations []duration

// A duration is how long a call took.
type duration struct {
	time.Duration
	call string
}

// stalled makes a proxy of that name whose client does not read.
func stalled(t *testing.T, url string) {
	t.Helper()
	upstream := listen(t)
	client := dial(t, newProxy(t, url, "stalled", upstream.Addr().String()))
	server := accept(t, upstream)
	_ = server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := server.Write(make([]byte, 64<<20)); endingFor(err) != event.Timeout {
		t.Fatalf("the server is not stalled: %v", err)
	}
	_ = client
}

// blackHoled makes a proxy of that name whose upstream swallows connects, and a
// client that waits for it.
func blackHoled(t *testing.T, url string) {
	t.Helper()
	hole, err := sock.BindPort("127.0.0.1:0", hook.SocketLimits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hole.Close() })
	if err := hole.BlackHole(); err != nil {
		t.Log("NOT PROVEN here beside a black hole: this system cannot swallow connects: ", err)
	}
	dial(t, newProxy(t, url, "blackholed", hole.Addr().String()))
}

// edit adds, changes and removes toxics of the proxy at full speed until the end.
func edit(t *testing.T, d *Daemon, name string, list []string, seed uint64, end time.Time) (took durations) {
	dice := rand.New(rand.NewPCG(seed, 4))
	path := "/proxies/" + name + "/toxics"
	do := func(method, path, body string, want ...int) {
		start := time.Now()
		status := ask(d, method, path, body)
		took = append(took, duration{time.Since(start), method + " " + path + " " + body})
		if !slices.Contains(want, status) {
			t.Errorf("%s %s %s: got %d, want one of %v", method, path, body, status, want)
		}
	}
	for time.Now().Before(end) {
		toxic := fmt.Sprint("t", dice.IntN(4))
		stream := event.Direction(dice.IntN(2)).String()
		body := fmt.Sprintf(`{"name":%q,"stream":%q,"type":%s}`, toxic, stream, list[dice.IntN(len(list))])
		do("POST", path, body, 200, 409)
		do("PATCH", path+"/"+toxic, `{"toxicity":`+fmt.Sprint(dice.Float32())+`}`, 200, 400) // refuse takes no share
		do("GET", "/proxies", "", 200)
		do("GET", "/connections?proxy="+name, "", 200)
		if dice.IntN(2) == 0 {
			do("DELETE", path+"/"+toxic, "", 204)
		}
	}
	return took
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

// visit makes short connections until it is told to stop, and returns how many.
// If they are to be whole, every byte must come back in its place.
func visit(t *testing.T, addr string, n int, stop <-chan struct{}, whole bool) (count int64) {
	dice := rand.New(rand.NewPCG(uint64(n), 9))
	want := make([]byte, 3000)
	for ; ; count++ {
		select {
		case <-stop:
			return count
		default:
		}
		for i := range want {
			want[i] = byte(dice.Uint32())
		}
		got, err := exchange(addr, want)
		var timeout interface{ Timeout() bool }
		switch {
		case whole && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("client %d, connection %d: %d of %d bytes arrived back, equal %v, %v", n, count, len(got), len(want), bytes.HasPrefix(want, got), err)
			return count
		case errors.As(err, &timeout) && timeout.Timeout():
			t.Errorf("client %d, connection %d: %v", n, count, err)
			return count
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
