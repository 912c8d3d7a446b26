//go:build unix

package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteToAPipeIsDirect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(path)
		got <- fmt.Sprint(string(data), err)
	}()
	if err := WriteFile(path, writing("through")); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "through<nil>" {
		t.Errorf("got %q", s)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("got %v, %v, want it to stay a pipe", info, err)
	}
	if err := WriteFile(os.DevNull, writing("gone")); err != nil {
		t.Error(err)
	}
}

// A shell that redirects to a file leaves /dev/fd/N a regular file: what it
// holds must stay, and the file must stay the one that the shell has.
func TestWriteToADescriptorAppends(t *testing.T) {
	file, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("before "); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/fd/%d", file.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no /dev/fd on this machine: %v", err)
	}
	if err := WriteFile(path, writing("after")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file.Name(), "before after")
}

func TestWriteWhereTheFolderIsReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		asNobody(t) // root may write into a read-only folder
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	if err := os.WriteFile(path, []byte("old and long"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if err := WriteFile(path, writing("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, "new")
	if err := WriteFile(filepath.Join(dir, "other.json"), writing("new")); err == nil {
		t.Error("got no error for a new file in a read-only folder")
	}
}

// asNobody runs the test again as a user whom file modes bind.
func asNobody(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "report") // where Go builds, and in t.TempDir, nobody else may look
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "report.test")
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("no other user may run %s: %v", program, err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("got %v:\n%s", err, out)
	}
}
