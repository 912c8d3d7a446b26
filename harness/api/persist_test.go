package api

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// What is persisted makes another daemon the same.
func TestPersist(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxies.json")
	d, url := serve(t, Config{Persist: file})
	dir := t.TempDir()
	steps := []struct {
		status             int
		method, path, body string
	}{
		{201, "POST", "/proxies", `{"name":"plain","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`},
		{201, "POST", "/proxies", `{"name":"all","listen":"unix:` + dir + `/s","upstreams":["127.0.0.1:1","unix:/none"],"balance":"random","fallback":true,"seed":7,` +
			`"mode":"refuse","proxy_protocol":"v2","tls":{"terminate":{"generated":true,"names":["a.test"]},"originate":{"insecure":true},"protocols":["h2"],"truncate":true},` +
			`"toxics":[{"type":"half_close","at":{"byte":93},"connection":2},{"type":"latency","stream":"upstream","attributes":{"latency":5}}]}`},
		{200, "POST", "/proxies/plain/toxics", `{"type":"bandwidth","attributes":{"rate":10},"toxicity":0.5}`},
		{200, "PATCH", "/proxies/plain/toxics/bandwidth_downstream", `{"attributes":{"rate":20}}`},
		{200, "PATCH", "/proxies/plain", `{"enabled":false}`},
		{201, "POST", "/populate", `[{"name":"more","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}]`},
		{204, "DELETE", "/proxies/more", ""},
		{200, "POST", "/config/save", ""},
	}
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), "")
	}
	before := ""
	for _, s := range steps {
		must(t, s.status, s.method, url+s.path, s.body)
		after := read()
		if (after == before) != (s.path == "/config/save") {
			t.Errorf("after %s %s: %s", s.method, s.path, after)
		}
		if want := must(t, 200, "GET", url+"/config", ""); after != want {
			t.Errorf("after %s %s the file has %s, want %s", s.method, s.path, after, want)
		}
		before = after
	}
	if strings.Contains(before, "more") || !strings.Contains(before, `"rate":20`) {
		t.Errorf("kept %s", before)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if after := read(); after != before {
		t.Errorf("the end of the daemon has changed the file: %s", after)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}

	again, url := serve(t, Config{})
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	if n, err := again.PopulateFrom(context.Background(), text); n != 2 || err != nil {
		t.Fatalf("%d proxies, %v", n, err)
	}
	if got := must(t, 200, "GET", url+"/config", ""); got != before {
		t.Errorf("loaded %s, want %s", got, before)
	}
}

// Changes that come at once are all in the file when they are answered.
func TestPersistManyAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxies.json")
	_, url := serve(t, Config{Persist: file})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			name := fmt.Sprintf(`"n%dn"`, i)
			must(t, 201, "POST", url+"/proxies", `{"name":`+name+`,"listen":"127.0.0.1:0","upstream":"127.0.0.1:1","enabled":false}`)
			if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), name) {
				t.Errorf("%s is not in the file: %v", name, err)
			}
		})
	}
	all.Wait()
}

func TestPersistFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	_, url := serve(t, Config{Persist: filepath.Join(dir, "proxies.json")})
	body := `{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}`
	if status, _, text := call(t, "POST", url+"/proxies", body); status != 500 || !strings.Contains(text, "could not be saved") {
		t.Errorf("%d %s", status, text)
	}
	must(t, 200, "GET", url+"/proxies/p", "")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, 200, "POST", url+"/config/save", "")
	_, url = serve(t, Config{})
	must(t, http.StatusConflict, "POST", url+"/config/save", "")
}
