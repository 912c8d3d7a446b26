package report

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Write puts what write renders at path: whole or not at all. A regular file is
// replaced by renaming a new one over it, a missing folder is made; "-" is
// standard output; what is there and no regular file (/dev/stdout, a pipe) is
// written directly, which for a pipe blocks until somebody reads it. When write
// fails, path is not touched. Errors name the path.
func Write(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	if err == nil {
		err = put(path, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("report write: %s: %w", path, reason(err))
	}
	return nil
}

// reason drops the path from an error of the os package: it may be that of the
// temporary file.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("%s: %w", path.Op, path.Err)
	case errors.As(err, &link):
		return fmt.Errorf("%s: %w", link.Op, link.Err)
	}
	return err
}

func put(path string, data []byte) error {
	switch {
	case path == "":
		return errors.New("no path given")
	case path == "-" || path == "/dev/stdout":
		_, err := os.Stdout.Write(data)
		return err
	case path == "/dev/stderr":
		_, err := os.Stderr.Write(data)
		return err
	}
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case exists && info.IsDir():
		return errors.New("is a directory")
	case exists && (!info.Mode().IsRegular() || descriptor(path)):
		return writeTo(path, os.O_WRONLY|os.O_APPEND, data)
	case exists:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o666) // as the umask has it
	if exists {
		mode = info.Mode().Perm()
	}
	err = replace(path, mode, exists, data)
	if exists && irreplaceable(err) {
		if writeTo(path, os.O_WRONLY|os.O_TRUNC, data) == nil {
			return nil
		}
	}
	return err
}

// irreplaceable reports whether a file cannot be replaced but perhaps written: in
// a read-only folder, or mounted by itself. On a full disk that would lose what
// it holds.
func irreplaceable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EBUSY)
}

// descriptor reports whether path names an open file of this process: a new
// file in its place would not be the one that its reader has.
func descriptor(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/")
}

func replace(path string, mode fs.FileMode, exists bool, data []byte) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	temp := filepath.Join(folder, ".report-"+rand.Text()+".tmp")
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if exists {
		_ = file.Chmod(mode) // the umask has taken bits that the old file had
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

func writeTo(path string, flags int, data []byte) error {
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}
