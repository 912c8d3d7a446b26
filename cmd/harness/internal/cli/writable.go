package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckWritable finds outputs that cannot be written before anything runs. It
// leaves nothing behind, and truncates nothing.
func CheckWritable(flag, path string) error {
	if path == "" || path == "-" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return UsageErrorf("--%s %s: is a directory", flag, path)
	case err == nil && !info.Mode().IsRegular():
		return nil // a pipe: to open it could block
	case err == nil:
		err = probeFile(path)
	default:
		err = probeFolder(filepath.Dir(path))
	}
	if err != nil {
		return UsageErrorf("--%s %s: cannot be written: %v", flag, path, err)
	}
	return nil
}

// CheckFolder finds a folder that files cannot be written into, or made; empty is none.
func CheckFolder(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return UsageErrorf("--%s %s: is not a directory", flag, path)
	}
	if err := probeFolder(path); err != nil {
		return UsageErrorf("--%s %s: cannot be written: %v", flag, path, err)
	}
	return nil
}

func probeFile(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return UnderlyingOSError(err)
	}
	return file.Close()
}

// probeFolder makes a file, and removes it, in the nearest folder upward that
// exists: the missing ones are made when the report is written.
func probeFolder(dir string) error {
	for {
		_, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			break
		}
		dir = parent
	}
	probe, err := os.CreateTemp(dir, ".harness-")
	if err != nil {
		return UnderlyingOSError(err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
