package runcmd

import (
	"cmp"
	"os"
	"runtime"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/outcome"
)

// ciVariables tell one CI from another.
var ciVariables = []struct{ name, variable string }{
	{"github", "GITHUB_ACTIONS"}, {"gitlab", "GITLAB_CI"}, {"circleci", "CIRCLECI"}, {"buildkite", "BUILDKITE"},
	{"jenkins", "JENKINS_URL"}, {"kubernetes", "KUBERNETES_SERVICE_HOST"}, {"other", "CI"},
}

// describeEnvironment says where this run is made.
func (f *runFlags) describeEnvironment() *outcome.Environment {
	e := &outcome.Environment{Version: cli.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Command: os.Args, Config: f.ConfigFile(),
		Commit: cmp.Or(os.Getenv("GITHUB_SHA"), os.Getenv("CI_COMMIT_SHA"), os.Getenv("CIRCLE_SHA1"), os.Getenv("BUILDKITE_COMMIT"), os.Getenv("GIT_COMMIT"))}
	e.Host, _ = os.Hostname() // not known is not told
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		e.Kernel = strings.TrimSpace(string(release))
	}
	for _, v := range ciVariables {
		if os.Getenv(v.variable) != "" {
			e.CI = v.name
			break
		}
	}
	return e
}
