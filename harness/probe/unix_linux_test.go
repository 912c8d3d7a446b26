package probe_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnixOutside: an answer may come from a process outside through a unix socket, before
// it has accepted the connection and after.
func TestUnixOutside(t *testing.T) {
	for name, accept := range map[string]string{"pending": "", "accepted": "a=l.accept(); "} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			cmd := exec.Command("python3", "-c", "import socket,time\nl=socket.socket(socket.AF_UNIX)\nl.bind('"+path+"')\nl.listen()\nprint(flush=True)\n"+accept+"time.sleep(600)")
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Skipf("python3 is not installed: %v", err)
			}
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			r := subject{argv: python("", strings.ReplaceAll(`
u=socket.socket(socket.AF_UNIX)
u.connect('PATH')
c.sendall(b'k')
u.recv(1)`, "PATH", path))}.start(t, nap)
			r.readable(t)
			r.hear(t)
			refutes(t, r, 4*nap)
		})
	}
}

// TestUnixInside: nobody outside can write into a socket pair of the tree's own.
func TestUnixInside(t *testing.T) {
	r := subject{argv: python("", `
a,b=socket.socketpair()
c.sendall(b'k')
a.recv(1)`)}.start(t, time.Millisecond)
	r.readable(t)
	r.hear(t)
	diagnoses(t, r)
}
