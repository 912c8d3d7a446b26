package targets

import (
	"os"
	"path/filepath"
)

// ConfigFile returns the configuration that describes the targets; empty where flags do,
// or where they are compiled in. It is relative to the working directory where it can be.
func (f *Flags) ConfigFile() string {
	if f.fromFlags() {
		return ""
	}
	file := f.config
	if file == "" {
		file = nearestConfig()
	}
	return relativePath(file)
}

func relativePath(file string) string {
	if wd, err := os.Getwd(); err == nil && filepath.IsAbs(file) {
		if relative, err := filepath.Rel(wd, file); err == nil {
			return relative
		}
	}
	return file
}
