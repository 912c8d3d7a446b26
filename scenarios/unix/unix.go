// Package unix checks what is special about unix stream sockets: the file that a
// server binds, replaces, leaves behind or takes from somebody else, and the length
// of its path.
package unix

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// Scenarios lists the topic's scenarios.
func Scenarios() []scenario.Scenario {
	all := []scenario.Scenario{staleFile(), fileInUse(), otherFile(), bindFails(), longPath(), fileRemoved(), noFile()}
	for i := range all {
		all[i].Transports = []scenario.Transport{scenario.Unix}
	}
	return all
}

// requirePath returns an error unless the server is a program that is told its path.
func requirePath(c scenario.Case) error {
	switch server := c.Target.ServerCommand(); {
	case len(server.Args) == 0:
		return c.UnsupportedErrorf("the harness did not start the server, so it cannot start it again; give a command instead of an address")
	case !server.TakesPath():
		return c.UnsupportedErrorf("the server's command has no {path}, so the harness cannot choose its socket file")
	}
	return nil
}

// onPath returns the one variant in which the act must succeed, for a server whose path we choose.
func onPath(run func(context.Context, scenario.Rig) error) func(scenario.Case) ([]scenario.Variant, error) {
	return func(c scenario.Case) ([]scenario.Variant, error) {
		if err := requirePath(c); err != nil {
			return nil, err
		}
		return []scenario.Variant{act(c, "", run)}, nil
	}
}

// act returns the one variant of an act that must succeed.
func act(c scenario.Case, name string, run func(context.Context, scenario.Rig) error) scenario.Variant {
	return scenario.ActVariant(name, 4*c.Budget+maxBindTries, run)
}

// serverPath returns the socket file of the server that runs.
func serverPath(rig scenario.Rig) string { return strings.TrimPrefix(rig.ServerAddr(), "unix:") }

// newFolder makes a folder beside the server's socket file.
func newFolder(rig scenario.Rig) (path string, remove func(), err error) {
	path, err = os.MkdirTemp(filepath.Dir(serverPath(rig)), "u")
	return path, func() { os.RemoveAll(path) }, err
}

// maxBindTries is how long a server may try to bind before it has to give up. On a busy machine
// an interpreter takes seconds until it tries at all.
const maxBindTries = 12 * time.Second

// second starts the server again at a path.
func second(ctx context.Context, rig scenario.ServerRig, path string) (scenario.SecondInstance, error) {
	limited, cancel := context.WithTimeout(ctx, maxBindTries)
	defer cancel()
	return rig.StartSecondInstance(limited, "unix:"+path)
}

// mustFail returns an error unless a server that could not bind has ended and said so.
func mustFail(found scenario.SecondInstance, situation string) error {
	switch {
	case found.Exit == nil && len(found.ListenAddrs) > 0:
		return fmt.Errorf("%s, and the server listens on %s instead", situation, strings.Join(found.ListenAddrs, ", "))
	case found.Exit == nil && !found.Stuck:
		return scenario.NewUndeclared("nothing: how long a server may try is its own choice", "%s, and the server still runs without serving after %v", situation, maxBindTries)
	case found.Exit == nil:
		return fmt.Errorf("%s, and the server keeps running without serving: %s%s", situation, found.StillRunning, scenario.QuoteLastLine(found.Stderr))
	case found.Exit.Success():
		return fmt.Errorf("%s, and the server exited with status 0, which means success%s", situation, scenario.QuoteLastLine(found.Stderr))
	}
	return nil
}
