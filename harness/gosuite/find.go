// Package gosuite finds folders with Ginkgo suites of other people, compiles them
// with the Go toolchain that is there, and runs their specs through the coordinator.
//
//	packages, err := gosuite.FindPackages(ctx, "./e2e")
//	s, err := packages[0].Compile(ctx, tmp)
//	err = s.Preview(ctx, gosuite.Filter{Seed: 7})
//	result, err := s.Run(ctx, gosuite.Run{Procs: 4, Tmp: tmp})
package gosuite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ginkgoModule is what a suite imports.
const ginkgoModule = "github.com/onsi/ginkgo/v2"

// ErrNoToolchain says that there is no go in the PATH.
var ErrNoToolchain = errors.New("there is no go command in the PATH; install Go, or compile the suite elsewhere with \"go test -c\" and name the file with --suite-binary")

// A Package is a Go package whose tests are a Ginkgo suite.
type Package struct {
	Dir        string // absolute
	ImportPath string // as Go imports it
}

// HoldsSuites reports whether a Go test beneath the folder imports Ginkgo, and whether
// there is any Go test at all. It needs no toolchain.
func HoldsSuites(dir string) (ginkgo, tests bool) {
	eachTest(dir, func(path string) {
		tests = true
		ginkgo = ginkgo || importsGinkgo(path)
	})
	return ginkgo, tests
}

// eachTest calls f with every test file beneath the folder that go list would see.
func eachTest(dir string, f func(path string)) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return nil // go list says it better
		case d.IsDir() && path != dir && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" || name == "node_modules"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, "_test.go"):
			f(path)
		}
		return nil
	})
}

func importsGinkgo(path string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if file == nil || err != nil && len(file.Imports) == 0 {
		return false
	}
	return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool {
		imported, _ := strconv.Unquote(s.Path.Value)
		return imported == ginkgoModule
	})
}

// FindPackages returns the packages with Ginkgo suites beneath the folder, which may
// hold several modules, or be in one. The error is [ErrNoToolchain] or what the Go
// toolchain says.
func FindPackages(ctx context.Context, dir string) ([]Package, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, ErrNoToolchain
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	folders := map[string]bool{}
	eachTest(dir, func(path string) {
		if importsGinkgo(path) {
			folders[filepath.Dir(path)] = true
		}
	})
	byModule := map[string][]string{}
	for folder := range folders {
		root, ok := moduleRoot(folder)
		if !ok {
			return nil, fmt.Errorf("%s: no go.mod in this folder or above; run \"go mod init NAME && go mod tidy\" there", folder)
		}
		byModule[root] = append(byModule[root], folder)
	}
	var all []Package
	for _, root := range sortedKeys(byModule) {
		found, err := listPackages(ctx, root, byModule[root])
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// moduleRoot returns the folder of the go.mod that governs the folder.
func moduleRoot(dir string) (string, bool) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// listPackages asks the toolchain about folders of one module.
func listPackages(ctx context.Context, root string, folders []string) ([]Package, error) {
	slices.Sort(folders)
	args := []string{"list", "-e", "-json=Dir,ImportPath,Error"}
	for _, folder := range folders {
		relative, err := filepath.Rel(root, folder)
		if err != nil {
			return nil, err
		}
		args = append(args, "./"+filepath.ToSlash(relative))
	}
	output, err := runGo(ctx, root, args...)
	if err != nil {
		return nil, err
	}
	var packages []Package
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var p struct {
			Package
			Error *struct{ Err string }
		}
		if err := decoder.Decode(&p); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if p.Error != nil && p.Dir == "" {
			return nil, fmt.Errorf("go list: %s", p.Error.Err)
		}
		packages = append(packages, p.Package)
	}
	return packages, nil
}

// runGo runs the go command in the folder and returns its stdout. The error has what it
// wrote to stderr.
func runGo(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.WaitDelay = waitDelay
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		text := strings.TrimSpace(stderr.String() + stdout.String())
		if text == "" {
			text = err.Error()
		}
		return nil, errors.New(text)
	}
	return stdout.Bytes(), nil
}
