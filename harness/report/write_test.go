package report

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writing(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func checkFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("got temporary files %q, %v, want none", left, err)
	}
}

func TestWriteMakesFoldersAndReplaces(t *testing.T) {
	longest := strings.Repeat("x", 255) // NAME_MAX
	path := filepath.Join(t.TempDir(), "build", "reports", longest)
	for _, want := range []string{"first, which is longer", "second"} {
		if err := WriteFile(path, writing(want)); err != nil {
			t.Fatal(err)
		}
		checkFile(t, path, want)
	}
}

func TestWriteLeavesTheOldReportWhenRenderingFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "junit.xml")
	if err := WriteFile(path, writing("old")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := WriteFile(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "report write: "+path) {
		t.Errorf("got %v, want %v and the path", err, broken)
	}
	checkFile(t, path, "old")
}

func TestWriteNamesThePathInErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "below")} {
		err := WriteFile(path, writing("x"))
		if err == nil || !strings.HasPrefix(err.Error(), "report write: "+path+": ") || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("got %v, want an error that names %s once", err, path)
		}
	}
	if err := WriteFile("", writing("x")); err == nil {
		t.Error("got no error for an empty path")
	}
}

func TestWriteKeepsTheModeOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, writing("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path, "new")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestWriteFollowsASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	link, file := filepath.Join(dir, "latest.json"), filepath.Join(dir, "run-7.json")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skipf("this machine makes no symbolic links: %v", err)
	}
	if err := WriteFile(link, writing("new")); err != nil {
		t.Fatal(err)
	}
	checkFile(t, file, "new")
	if target, err := os.Readlink(link); err != nil || target != file {
		t.Errorf("got a link to %q, %v, want it to stay a link to %q", target, err, file)
	}
}
