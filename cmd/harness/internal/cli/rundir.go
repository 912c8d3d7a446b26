package cli

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"github.com/sockharness/harness/harness/peer"
)

// A RunDir is the temporary folder of a run. Neither the folder nor a process of the run is
// left when this process ends, be it by kill -9, as far as the system can do that.
type RunDir struct {
	Path string // of the folder

	guardian *peer.Guardian // nil: this system has none
}

// StartRunDir makes the folder and starts its guardian. It does not wait for that, see
// [RunDir.AwaitGuardian]. The caller must remove the folder.
func StartRunDir() (*RunDir, error) {
	run := "harness-" + rand.Text()
	d := &RunDir{Path: filepath.Join(os.TempDir(), run)}
	// The guardian comes first, or a kill in between would leave the folder.
	var err error
	if d.guardian, err = peer.StartGuardian(run, d.Path); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, HarnessErrorf("%w", err)
	}
	if err = os.Mkdir(d.Path, 0o700); err != nil {
		err = HarnessErrorf("temporary folder: %w", err)
	} else {
		err = BecomeSubreaper()
	}
	if err != nil {
		d.Remove()
		return nil, err
	}
	return d, nil
}

// AwaitGuardian blocks until the guardian is known to be there. Call it once, before the
// programs under test start.
func (d *RunDir) AwaitGuardian() error {
	if d.guardian == nil {
		return nil
	}
	if err := d.guardian.AwaitReady(); err != nil {
		return HarnessErrorf("%w", err)
	}
	return nil
}

// Remove ends what is left of the run and removes the folder. It blocks until that is done,
// and may be called again.
func (d *RunDir) Remove() {
	if d.guardian != nil {
		d.guardian.Stop()
	}
	os.RemoveAll(d.Path)
}

// NewRunDir returns a folder whose guardian is there. The caller must remove it.
func NewRunDir() (*RunDir, error) {
	d, err := StartRunDir()
	if err != nil {
		return nil, err
	}
	if err := d.AwaitGuardian(); err != nil {
		d.Remove()
		return nil, err
	}
	return d, nil
}

// BecomeSubreaper makes orphans of the programs under test our children, where there is
// such a thing.
func BecomeSubreaper() error {
	if err := peer.BecomeSubreaper(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return HarnessErrorf("subreaper: %w", err)
	}
	return nil
}
