package report

import (
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

// WriteFile puts what write renders at path: whole or not at all. A regular file is
// replaced by renaming a new one over it, a missing folder is made; "-" is
// standard output; what is there and no regular file (/dev/stdout, a pipe) is
// written directly, which for a pipe blocks until somebody reads it. When write
// fails, path is not touched. Errors name the path.
func WriteFile(path string, write func(io.Writer) error) error {
	var text spool
	err := write(&text)
	if err == nil {
		err = putFile(path, text)
	}
	if err != nil {
		return fmt.Errorf("report write: %s: %w", path, withoutPath(err))
	}
	return nil
}

// withoutPath drops the path from an error of the os package: it may be that of the
// temporary file.
func withoutPath(err error) error {
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

func putFile(path string, data spool) error {
	switch {
	case path == "":
		return errors.New("no path given")
	case path == "-" || path == "/dev/stdout":
		_, err := data.WriteTo(os.Stdout)
		return err
	case path == "/dev/stderr":
		_, err := data.WriteTo(os.Stderr)
		return err
	}
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case exists && info.IsDir():
		return errors.New("is a directory")
	case exists && (!info.Mode().IsRegular() || isDescriptor(path)):
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
	err = replaceFile(path, mode, exists, data)
	if exists && cannotReplace(err) {
		if writeTo(path, os.O_WRONLY|os.O_TRUNC, data) == nil {
			return nil
		}
	}
	return err
}

// cannotReplace reports whether a file cannot be replaced but perhaps written: in
// a read-only folder, or mounted by itself. On a full disk that would lose what
// it holds.
func cannotReplace(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EBUSY)
}

// isDescriptor reports whether path names an open file of this process: a new
// file in its place would not be the one that its reader has.
func isDescriptor(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/")
}

func replaceFile(path string, mode fs.FileMode, exists bool, data spool) (err error) {
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
	_, err = data.WriteTo(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

func writeTo(path string, flags int, data spool) error {
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	_, err = data.WriteTo(file)
	return errors.Join(err, file.Close())
}
