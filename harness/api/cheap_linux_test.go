package api

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// numFiles returns how many descriptors this process has.
func numFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// An idle proxy costs two descriptors, no goroutine, and 12 KB; nothing when it is deleted.
func TestIdleProxiesAreCheap(t *testing.T) {
	const many = 200
	_, url := serve(t, Config{ProxyMetrics: true})
	upstream := listen(t)
	newProxy(t, url, "first", upstream.Addr().String()) // threads and clocks are there from now on
	files, goroutines, heap := numFiles(t), runtime.NumGoroutine(), liveHeap()
	for i := range many {
		must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":"p%d","listen":"127.0.0.1:0","upstream":%q}`, i, upstream.Addr()))
	}
	if grown := numFiles(t) - files; grown > 2*many+4 {
		t.Errorf("%d descriptors more for %d proxies", grown, many)
	}
	if grown := runtime.NumGoroutine() - goroutines; grown > 10 {
		t.Errorf("%d goroutines more for %d proxies", grown, many)
	}
	if grown := int64(liveHeap()) - int64(heap); grown > many*12<<10 {
		t.Errorf("%d bytes more for %d proxies", grown, many)
	}
	if text := must(t, 200, "GET", url+"/metrics", ""); len(text) > many*100 {
		t.Errorf("%d bytes of metrics for %d proxies", len(text), many)
	} else if want := `harness_proxy_enabled{proxy="p7"} 1`; !strings.Contains(text, want) {
		t.Errorf("no %s", want)
	}
	for i := range many {
		must(t, 204, "DELETE", fmt.Sprintf("%s/proxies/p%d", url, i), "")
	}
	until(t, "all is given back", func() bool { return numFiles(t) <= files+4 && runtime.NumGoroutine() <= goroutines+10 })
}
