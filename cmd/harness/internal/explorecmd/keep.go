package explorecmd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/targets"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/scenario"
)

// noStore is the folder that keeps nothing.
const noStore = "none"

func (f *exploreFlags) folder() string {
	if f.store == "" {
		return explore.StoreFolder
	}
	return f.store
}

// storedFindings returns what earlier explorations have found in a target.
func (x *exploration) storedFindings(target string) []explore.StoredFinding {
	if x.flags.folder() == noStore {
		return nil
	}
	all, err := explore.Store{Folder: x.flags.folder()}.LoadAll(target)
	if err != nil {
		x.note("finding files that cannot be used are left as they are:\n%v", err)
	}
	return all
}

// keep writes the findings, and what became of those that were there.
func (x *exploration) keep(t scenario.Target, stored []explore.StoredFinding, r *explore.Result) {
	store := explore.Store{Folder: x.flags.folder()}
	known := map[string]explore.State{}
	for _, one := range stored {
		known[one.Definition.Found.ID] = explore.State(one.Definition.Found.State)
	}
	found := map[string]bool{}
	lost := lostFindings{}
	for i := range r.Findings {
		f := &r.Findings[i]
		found[f.ID] = true
		f.State = x.stateOf(*f, known)
		f.Replay = fmt.Sprintf("%s replay %s", targets.QuoteWord(os.Args[0]), f.ID)
		if store.Folder == noStore {
			f.Replay = ""
			continue
		}
		if store.Folder != explore.StoreFolder {
			f.Replay += " --store " + targets.QuoteWord(store.Folder)
		}
		wd, _ := os.Getwd()
		if err := store.Save(*f, x.flags.seed, x.flags.FlagWords(t.Name), wd); err != nil {
			lost.add(f.ID, err)
			f.Replay = ""
			continue
		}
		f.File = filepath.ToSlash(store.Path(f.ID))
	}
	for _, one := range stored {
		id := one.Definition.Found.ID
		if state, played := x.replayed[id]; played && !found[id] {
			if err := store.SetState(one, state); err != nil {
				lost.add(id, err)
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(lost)) {
		one := lost[reason]
		why := "the file of that name cannot be used, see above"
		if errors.As(one.err, new(*fs.PathError)) || errors.As(one.err, new(*os.LinkError)) {
			why = fmt.Sprintf("%v; name another folder with --store", one.err)
		}
		x.note("not kept: %s: %s", strings.Join(one.ids, ", "), why)
	}
}

// lostFindings are those that could not be written, by what the system says of it.
type lostFindings map[string]*struct {
	ids []string
	err error // of the first one
}

func (l lostFindings) add(id string, err error) {
	reason := cli.UnderlyingOSError(err).Error()
	if l[reason] == nil {
		l[reason] = &struct {
			ids []string
			err error
		}{err: err}
	}
	l[reason].ids = append(l[reason].ids, id)
}

// stateOf compares a finding with the baseline, else with the store.
func (x *exploration) stateOf(f explore.Finding, known map[string]explore.State) explore.State {
	if x.before != nil {
		before, there := x.before[f.ID]
		switch {
		case !there:
			return explore.New
		case before.State == explore.Resolved:
			return explore.Regressed
		}
		return explore.Ongoing
	}
	switch known[f.ID] {
	case "":
		return explore.New
	case explore.Resolved:
		return explore.Regressed
	}
	return explore.Ongoing
}
