package cli

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/sockharness/harness/harness/peer"
)

// NewRunDir makes the temporary folder of a run and sees to it that neither the
// folder nor a process of the run is left when this process ends, be it by kill
// -9, as far as the system can do that. The caller must release.
func NewRunDir() (tmp string, release func(), err error) {
	run := "harness-" + rand.Text()
	tmp = filepath.Join(os.TempDir(), run)
	// The guardian comes first, or a kill in between would leave the folder.
	stop, err := peer.StartGuardian(run, tmp)
	if errors.Is(err, errors.ErrUnsupported) {
		stop, err = func() {}, nil
	}
	if err != nil {
		return "", nil, HarnessErrorf("%w", err)
	}
	release = func() { stop(); os.RemoveAll(tmp) }
	if err := os.Mkdir(tmp, 0o700); err != nil {
		release()
		return "", nil, HarnessErrorf("temporary folder: %w", err)
	}
	if err := BecomeSubreaper(); err != nil {
		release()
		return "", nil, err
	}
	return tmp, release, nil
}

// BecomeSubreaper makes orphans of the programs under test our children, where there is
// such a thing.
func BecomeSubreaper() error {
	if err := peer.BecomeSubreaper(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return HarnessErrorf("subreaper: %w", err)
	}
	return nil
}
