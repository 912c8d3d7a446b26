package targets

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// checkPrograms finds commands that do not exist before anything starts.
func checkPrograms(targets []scenario.Target) error {
	var problems []string
	for _, t := range targets {
		peers := []scenario.Peer{t.Server, t.Client}
		for _, s := range t.Services {
			peers = append(peers, scenario.Peer{Command: s.Command})
		}
		for _, p := range peers {
			if err := checkRunnable(t, p); err != nil {
				problems = append(problems, fmt.Sprintf("target %s: %v", t.Name, err))
			}
		}
	}
	if len(problems) > 0 {
		return cli.UsageErrorf("%s", strings.Join(problems, "\n"))
	}
	return nil
}

func checkRunnable(t scenario.Target, p scenario.Peer) error {
	if p.Address != "" {
		return checkSocketFile(p.Address)
	}
	if len(p.Command) == 0 || p.Command[0] == "{self}" {
		return nil
	}
	program := p.Command[0]
	if strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		// Absolute, as Join makes ./server a bare name, which is looked up in PATH.
		path, err := filepath.Abs(filepath.Join(t.Dir, program))
		if err != nil {
			return err
		}
		program = path
	}
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("command %s: %w", peer.FormatCommand(p.Command), cli.UnderlyingOSError(err))
	}
	return nil
}
