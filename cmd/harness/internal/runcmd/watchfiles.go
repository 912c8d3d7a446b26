package runcmd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/sockharness/harness/harness/scenario"
)

// debounce is how long no file may change before a run begins: editors and compilers
// write more than once.
const debounce = 200 * time.Millisecond

// watchedFiles returns the files that the selection is made of, as far as they can be
// read: the configuration, dialogues, programs that commands name, waivers and scenario
// files.
func (f *runFlags) watchedFiles(paths []string) []string {
	files := append([]string{f.ConfigFile(), f.waivers}, paths...)
	all, err := f.AllTargets()
	if err != nil {
		return files // the next run says what is wrong with them
	}
	for _, t := range all {
		for _, p := range []scenario.Peer{t.Server, t.Client} {
			if p.Dialogue != nil {
				files = append(files, p.Dialogue.File)
			}
			for _, word := range p.Command {
				if !filepath.IsAbs(word) {
					word = filepath.Join(t.Dir, word)
				}
				files = append(files, word)
			}
		}
	}
	return files
}

// watchedFolders returns the folders among the paths.
func watchedFolders(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool {
		info, err := os.Stat(p)
		return err != nil || !info.IsDir()
	})
}

// A fileWatch tells of changes of files. Folders are watched and not files, for editors
// put new files in place of old ones.
type fileWatch struct {
	watcher *fsnotify.Watcher
	files   map[string]bool // absolute
	folders []string        // absolute: whatever YAML is below them counts
}

func newFileWatch() (*fileWatch, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &fileWatch{watcher: w, files: map[string]bool{}}, nil
}

// Close ends the watch.
func (w *fileWatch) Close() { w.watcher.Close() }

// setPaths adds files and folders to those that are watched. What is no file is left out.
func (w *fileWatch) setPaths(files, folders []string) {
	w.folders = nil
	for _, file := range files {
		path, err := filepath.Abs(file)
		if info, statErr := os.Stat(path); file == "" || err != nil || statErr != nil || !info.Mode().IsRegular() {
			continue
		}
		w.files[path] = true
		_ = w.watcher.Add(filepath.Dir(path)) // a folder that cannot be watched changes nothing else
	}
	for _, folder := range folders {
		if path, err := filepath.Abs(folder); err == nil {
			w.folders = append(w.folders, path)
			w.addFolder(path)
		}
	}
}

// addFolder watches a folder and those below it.
func (w *fileWatch) addFolder(folder string) {
	_ = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir():
			return nil
		case path != folder && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return filepath.SkipDir
		}
		_ = w.watcher.Add(path)
		return nil
	})
}

// fileCount returns how many files are watched now.
func (w *fileWatch) fileCount() int {
	n := len(w.files)
	for _, folder := range w.folders {
		_ = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && w.isWatched(path) && !w.files[path] {
				n++
			}
			return nil
		})
	}
	return n
}

func (w *fileWatch) isWatched(path string) bool {
	if w.files[path] {
		return true
	}
	ext := filepath.Ext(path)
	return (ext == ".yaml" || ext == ".yml") && slices.ContainsFunc(w.folders, func(folder string) bool {
		return strings.HasPrefix(path, folder+string(filepath.Separator))
	})
}

// awaitChange blocks until a watched file has changed and then none for a while, and
// returns the names of those that did.
func (w *fileWatch) awaitChange(ctx context.Context) ([]string, error) {
	changed := map[string]bool{}
	var quiet <-chan time.Time
	for {
		select {
		case e, open := <-w.watcher.Events:
			if !open {
				return nil, fmt.Errorf("watch ended")
			}
			w.followFolder(e)
			if e.Op != fsnotify.Chmod && w.isWatched(e.Name) {
				changed[e.Name] = true
				quiet = time.After(debounce)
			}
		case err := <-w.watcher.Errors:
			return nil, fmt.Errorf("watch: %w", err)
		case <-quiet:
			return relativeNames(changed), nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// followFolder watches a folder that is new.
func (w *fileWatch) followFolder(e fsnotify.Event) {
	if info, err := os.Stat(e.Name); e.Has(fsnotify.Create) && err == nil && info.IsDir() {
		for _, folder := range w.folders {
			if strings.HasPrefix(e.Name, folder+string(filepath.Separator)) {
				w.addFolder(e.Name)
			}
		}
	}
}

func relativeNames(paths map[string]bool) []string {
	var names []string
	here, _ := os.Getwd()
	for path := range paths {
		if name, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(name, "..") {
			path = name
		}
		names = append(names, path)
	}
	slices.Sort(names)
	return names
}
