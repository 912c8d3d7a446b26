package socktest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// A fakeTB is a testing.TB that keeps what it was told. Use [play].
type fakeTB struct {
	testing.TB // nil: what is not below is not called

	name     string
	artifact string // ArtifactDir

	mu       sync.Mutex // guards what follows
	messages []string
	attrs    []string
	cleanups []func()
	failed   bool
	skipped  bool
}

// play runs a test on its own goroutine, then its cleanups, and returns what it said.
func play(test func(t testing.TB)) *fakeTB {
	tb := &fakeTB{name: "TestX"}
	tb.play(test)
	return tb
}

func (f *fakeTB) play(test func(t testing.TB)) {
	run := func(step func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			step()
		}()
		<-done
	}
	run(func() {
		defer func() { // package testing, too, cleans up behind a panic
			if v := recover(); v != nil {
				f.add(true, fmt.Sprint("panic: ", v))
			}
		}()
		test(f)
	})
	for {
		f.mu.Lock()
		last := len(f.cleanups) - 1
		if last < 0 {
			f.mu.Unlock()
			return
		}
		step := f.cleanups[last]
		f.cleanups = f.cleanups[:last]
		f.mu.Unlock()
		run(step)
	}
}

// said returns what the test has said, one message a line.
func (f *fakeTB) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	for _, m := range f.messages {
		text += m + "\n"
	}
	return text
}

func (f *fakeTB) add(failed bool, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.messages = append(f.messages, message)
	f.failed = f.failed || failed
}

func (f *fakeTB) Helper()                         {}
func (f *fakeTB) Name() string                    { return f.name }
func (f *fakeTB) Log(args ...any)                 { f.add(false, fmt.Sprint(args...)) }
func (f *fakeTB) Logf(format string, args ...any) { f.add(false, fmt.Sprintf(format, args...)) }
func (f *fakeTB) Error(args ...any)               { f.add(true, fmt.Sprint(args...)) }
func (f *fakeTB) Errorf(format string, args ...any) {
	f.add(true, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Fatal(args ...any) {
	f.add(true, fmt.Sprint(args...))
	runtime.Goexit()
}
func (f *fakeTB) Fatalf(format string, args ...any) {
	f.add(true, fmt.Sprintf(format, args...))
	runtime.Goexit()
}
func (f *fakeTB) Skip(args ...any) {
	f.mu.Lock()
	f.skipped = true
	f.mu.Unlock()
	runtime.Goexit()
}
func (f *fakeTB) Skipped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.skipped
}
func (f *fakeTB) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}
func (f *fakeTB) Cleanup(step func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, step)
}
func (f *fakeTB) Context() context.Context { return context.Background() }
func (f *fakeTB) Attr(key, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attrs = append(f.attrs, key+"="+value)
}
func (f *fakeTB) ArtifactDir() string { return f.artifact }
func (f *fakeTB) TempDir() string {
	dir, err := os.MkdirTemp("", "socktest")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// files returns the names of the files in a folder.
func files(dir string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*"))
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	slices.Sort(paths)
	return paths
}
