package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// A keeper keeps a file equal to the proxies that there are, as POST /populate
// takes them. It is safe for concurrent use.
type keeper struct {
	path   string // "": there is no file
	wanted atomic.Uint64

	mu       sync.Mutex // held while the file is written; guards what follows
	written  uint64     // up to which of the wishes
	failed   error
	finished bool
}

// announce says that a change is about to be made.
func (k *keeper) announce() { k.wanted.Add(1) }

// finish saves what was changed and not kept yet, for the last time: from now on
// proxies are stopped, which nobody has asked for.
func (k *keeper) finish(all func() []view) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" && !k.finished && k.written < k.wanted.Load() {
		_ = k.write(all()) // nobody is there to be told
	}
	k.finished = true
}

// keep returns when the file has what all returned just before it was called, or
// something later. Who comes while it is written shares the next time.
func (k *keeper) keep(all func() []view) error {
	if k.path == "" {
		return nil
	}
	mine := k.wanted.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.written < mine && !k.finished {
		upTo := k.wanted.Load()
		k.failed = k.write(all())
		k.written = upTo
	}
	return k.failed
}

// write replaces the file: a reader, and whoever starts after a crash, finds the
// one before or the new one.
func (k *keeper) write(list []view) error {
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return fmt.Errorf("configuration encode: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(k.path), "."+filepath.Base(k.path)+".*")
	if err != nil {
		return fmt.Errorf("configuration save: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), k.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("configuration save: %w", err)
	}
	return nil
}

// views returns what is asked of all proxies, in order of their names.
func (d *Daemon) views() []view {
	list := []view{}
	for _, m := range d.all() {
		list = append(list, m.view())
	}
	slices.SortFunc(list, func(a, b view) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// changed saves the configuration after a change.
func (d *Daemon) changed() error {
	if err := d.keeper.keep(d.views); err != nil {
		return &failure{"the proxies are not in their file: " + err.Error(), http.StatusInternalServerError}
	}
	return nil
}

// showConfig shows all proxies as a configuration file has them.
func (d *Daemon) showConfig(*http.Request, []string) (reply, error) {
	return reply{http.StatusOK, d.views()}, nil
}

// saveConfig has the file written, as after any POST. Which one is not for
// clients to say.
func (d *Daemon) saveConfig(*http.Request, []string) (reply, error) {
	if d.keeper.path == "" {
		return reply{}, &failure{"there is no file to save to: start the daemon with --persist FILE", http.StatusConflict}
	}
	return reply{http.StatusOK, map[string]any{"file": d.keeper.path, "proxies": len(d.all())}}, nil
}
