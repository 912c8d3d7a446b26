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

// A persister keeps a file equal to the proxies that there are, as POST /populate
// takes them. It is safe for concurrent use.
type persister struct {
	path   string // "": there is no file
	wanted atomic.Uint64

	mu       sync.Mutex // held while the file is written; guards what follows
	written  uint64     // up to which of the wishes
	failed   error
	finished bool
}

// markDirty says that a change is about to be made.
func (k *persister) markDirty() { k.wanted.Add(1) }

// saveFinal saves what was changed and not kept yet, for the last time: from now on
// proxies are stopped, which nobody has asked for.
func (k *persister) saveFinal(all func() []proxyJSON) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" && !k.finished && k.written < k.wanted.Load() {
		_ = k.writeFile(all()) // nobody is there to be told
	}
	k.finished = true
}

// saveNow returns when the file has what all returned just before it was called, or
// something later. Who comes while it is written shares the next time.
func (k *persister) saveNow(all func() []proxyJSON) error {
	if k.path == "" {
		return nil
	}
	mine := k.wanted.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.written < mine && !k.finished {
		upTo := k.wanted.Load()
		k.failed = k.writeFile(all())
		k.written = upTo
	}
	return k.failed
}

// writeFile replaces the file: a reader, and a daemon that starts after a crash, finds the
// one before or the new one.
func (k *persister) writeFile(list []proxyJSON) error {
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

// allViews returns what is asked of all proxies, in order of their names.
func (d *Daemon) allViews() []proxyJSON {
	list := []proxyJSON{}
	for _, m := range d.allProxies() {
		list = append(list, m.asJSON())
	}
	slices.SortFunc(list, func(a, b proxyJSON) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// saveChange saves the configuration after a change.
func (d *Daemon) saveChange() error {
	if err := d.keeper.saveNow(d.allViews); err != nil {
		return &failure{Message: "the proxies could not be saved: " + err.Error(), Status: http.StatusInternalServerError}
	}
	return nil
}

// showConfig shows all proxies as a configuration file has them.
func (d *Daemon) showConfig(*http.Request, []string) (reply, error) {
	return reply{http.StatusOK, d.allViews()}, nil
}

// saveConfig has the file written, as after any POST. Which one is not for
// clients to say.
func (d *Daemon) saveConfig(*http.Request, []string) (reply, error) {
	if d.keeper.path == "" {
		return reply{}, &failure{Message: "no file to save to: start the daemon with --persist FILE", Status: http.StatusConflict}
	}
	return reply{http.StatusOK, map[string]any{"file": d.keeper.path, "proxies": len(d.allProxies())}}, nil
}
