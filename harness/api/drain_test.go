package api

import (
	"io"
	"testing"

	"github.com/sockharness/harness/harness/event"
)

// Deleting and disabling drain if asked, and so does the end of the daemon always.
func TestDrainIfAsked(t *testing.T) {
	upstream := listen(t)
	for name, end := range map[string]func(t *testing.T, d *Daemon, url string){
		"delete": func(t *testing.T, _ *Daemon, url string) { must(t, 204, "DELETE", url+"/proxies/p?drain=20s", "") },
		"disable": func(t *testing.T, _ *Daemon, url string) {
			must(t, 200, "PATCH", url+"/proxies/p?drain=20s", `{"enabled":false}`)
		},
		"bad": func(t *testing.T, _ *Daemon, url string) {
			for _, text := range []string{"x", "-1s", "21s", "5"} {
				must(t, 400, "DELETE", url+"/proxies/p?drain="+text, "")
			}
			must(t, 204, "DELETE", url+"/proxies/p?drain=20s", "")
		},
		"daemon": func(_ *testing.T, d *Daemon, _ string) { _ = d.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			d, url := serve(t, Config{})
			addr := newProxy(t, url, "p", upstream.Addr().String())
			var clients []io.Closer
			for range 20 {
				c := dial(t, addr)
				if _, err := io.WriteString(c, "last words"); err != nil {
					t.Fatal(err)
				}
				clients = append(clients, c)
			}
			for _, c := range clients {
				_ = c.Close()
			}
			end(t, d, url)
			for range clients {
				wantEnding(t, "server", accept(t, upstream), "last words", event.EOF)
			}
		})
	}
}
