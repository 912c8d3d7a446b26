package peer

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listenUnix is a server that listens at its argument, or at "@" for an abstract name.
const listenUnix = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace("@", "\\0", 1)); s.listen()
time.sleep(1000)`

func pythonServer(t *testing.T, args ...string) Command {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: no server to start")
	}
	return Command{Args: append([]string{python, "-c", strings.ReplaceAll(listenUnix, `\\`, `\`)}, args...), Network: "unix", StartTimeout: time.Minute}
}

func TestUnixServerIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	abstract := "@harness-peer-test-" + filepath.Base(filepath.Dir(path)) + time.Now().Format("150405.000000000")
	for name, tt := range map[string]struct {
		args []string
		vars Vars
		want string
	}{
		"told":     {[]string{"{path}"}, Vars{Path: path}, "unix:" + path},
		"not told": {[]string{path + "2"}, Vars{}, "unix:" + path + "2"},
		"abstract": {[]string{abstract}, Vars{}, "unix:" + abstract},
	} {
		t.Run(name, func(t *testing.T) {
			p := server(t, pythonServer(t, tt.args...), tt.vars)
			if p.Address() != tt.want {
				t.Errorf("got %s, want %s", p.Address(), tt.want)
			}
			if err := (Address{Network: "unix", Addr: strings.TrimPrefix(tt.want, "unix:")}).CheckListening(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnixServerElsewhere(t *testing.T) {
	c := pythonServer(t, filepath.Join(t.TempDir(), "other"), "{path}")
	c.StartTimeout = 2 * time.Second // the time that it is busy does not count
	_, err := c.StartServer(within(t), Vars{Path: filepath.Join(t.TempDir(), "asked")})
	if err == nil || !strings.Contains(err.Error(), "it listens on") || !strings.Contains(err.Error(), "and not on") {
		t.Errorf("got %v, want where it listens", err)
	}
	if _, err := pythonServer(t, "{path}").StartServer(within(t), Vars{}); err == nil || !strings.Contains(err.Error(), "contains {path}") {
		t.Errorf("got %v, want that no path is known", err)
	}
}

func TestVarsAt(t *testing.T) {
	if v := VarsAt("unix:/a"); v.Path != "/a" || v.Addr != "unix:/a" {
		t.Errorf("got %+v", v)
	}
	if v := VarsAt("[::1]:80"); v.Host != "::1" || v.Port != "80" || v.Path != "" {
		t.Errorf("got %+v", v)
	}
}
