package api

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildCLI builds the real toxiproxy-cli.
func buildCLI(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "install", "github.com/Shopify/toxiproxy/v2/cmd/cli@v2.12.0")
	cmd.Env = append(cmd.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("NOT PROVEN with toxiproxy-cli, which cannot be built here: %v\n%s", err, out)
	}
	return filepath.Join(dir, "cli")
}

// The real toxiproxy-cli says the same, and exits the same, in front of both.
func TestToxiproxyCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT PROVEN with toxiproxy-cli: it takes a build")
	}
	cli := buildCLI(t)
	_, ours := serve(t, Config{})
	addr, busy := freeAddr(t), listen(t).Addr().String()
	script := [][]string{
		{"list"}, {"create", "-l", addr, "-u", "127.0.0.1:1", "kv"}, {"create", "-l", addr, "-u", "127.0.0.1:1", "kv"},
		{"create", "--listen", busy, "--upstream", "127.0.0.1:1", "taken"}, {"create", "-l", addr, "x"}, {"list"}, {"inspect", "kv"}, {"inspect", "none"},
		{"toxic", "add", "-t", "latency", "-a", "latency=100", "-a", "jitter=5", "kv"}, {"toxic", "add", "-t", "latency", "kv"},
		{"toxic", "add", "-n", "slow", "-t", "bandwidth", "-u", "-a", "rate=7", "--toxicity", "0.5", "kv"}, {"toxic", "add", "-t", "none", "kv"},
		{"toxic", "add", "-t", "latency", "-n", "bad", "-a", "latency=x", "none"}, {"inspect", "kv"},
		{"toxic", "update", "-n", "slow", "-a", "rate=8", "kv"}, {"toxic", "update", "-n", "none", "-a", "rate=8", "kv"},
		{"inspect", "kv"}, {"toxic", "delete", "-n", "slow", "kv"}, {"toxic", "delete", "-n", "slow", "kv"},
		{"toggle", "kv"}, {"list"}, {"toggle", "kv"}, {"list"}, {"delete", "kv"}, {"delete", "kv"}, {"list"},
	}
	said := runScript(t, cli, ours, script)
	if !strings.Contains(said, "Added upstream bandwidth toxic 'slow' on proxy 'kv'\n") || !strings.Contains(said, "Proxy kv is now disabled\n") {
		t.Errorf("toxiproxy-cli does not work:\n%s", said)
	}
	wantOurs(t, cli, ours)
	url := original(t)
	if url == "" {
		return
	}
	if want := runScript(t, cli, url, script); said != want {
		t.Errorf("got\n%s\nthe original\n%s", said, want)
	}
}

// wantOurs has it use what is ours, which it knows nothing of.
func wantOurs(t *testing.T, cli, ours string) {
	t.Helper()
	said := runScript(t, cli, ours, [][]string{
		{"create", "-l", freeAddr(t), "-u", "127.0.0.1:1", "kv"},
		{"toxic", "add", "-t", "half_close", "-a", "at.byte=93", "-a", "connections=1-3", "-a", "after_read=true", "kv"},
		{"toxic", "update", "-n", "half_close_downstream", "-a", "at.pattern=x", "kv"},
	})
	want := `"attributes":{"after_read":true},"name":"half_close_downstream","type":"half_close","stream":"downstream","toxicity":1,"at":{"pattern":"x"},"connections":"1-3"`
	if got := must(t, 200, "GET", ours+"/proxies/kv/toxics", ""); !strings.Contains(got, want) {
		t.Errorf("got %s, want %s; it said\n%s", got, want, said)
	}
}

// runScript returns what the commands print, and their exit codes.
func runScript(t *testing.T, cli, url string, script [][]string) string {
	t.Helper()
	var said strings.Builder
	for _, args := range script {
		cmd := exec.CommandContext(t.Context(), cli, append([]string{"-h", url}, args...)...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		said.WriteString("$ " + strings.Join(args, " ") + "\n" + string(out))
		if !cmd.ProcessState.Success() {
			said.WriteString("(" + cmd.ProcessState.String() + ")\n")
		}
	}
	return said.String()
}
