package explore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenariofile"
)

// StoreFolder is where findings are kept, below the folder of the project.
const StoreFolder = ".harness/findings"

// A Store is a folder of findings: ID.yaml each, a scenario file that `harness run`
// takes. Two processes may use one folder: a file is replaced whole.
type Store struct {
	Folder string // path of the folder
}

// A StoredFinding is a file of the store.
type StoredFinding struct {
	Path       string                   // path of the file
	Text       []byte                   // content of the file
	Definition *scenariofile.Definition // the scenario in it
}

// Path returns where the finding of an id is kept.
func (s Store) Path(id string) string { return filepath.Join(s.Folder, id+".yaml") }

// LoadAll returns the findings of a target, by id; of every target for "". Files that
// cannot be read are in the error, the others are returned all the same.
func (s Store) LoadAll(target string) ([]StoredFinding, error) {
	entries, err := os.ReadDir(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("findings read: %w", err)
	}
	var all []StoredFinding
	var errs []error
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".yaml" || !e.Type().IsRegular() {
			continue
		}
		one, err := LoadFile(filepath.Join(s.Folder, e.Name()))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if f := one.Definition.Found; f != nil && (target == "" || f.Target == target) {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b StoredFinding) int { return strings.Compare(a.Path, b.Path) })
	return all, errors.Join(errs...)
}

// LoadFile reads a scenario file of one scenario. The error names the place of what is
// wrong.
func LoadFile(path string) (StoredFinding, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return StoredFinding{}, err
	}
	all, err := scenariofile.ParseFile(path, text)
	if err != nil {
		return StoredFinding{}, errors.New(scenariofile.ExplainErrors(err, []scenariofile.Source{{File: path, Text: text}}))
	}
	if len(all) != 1 {
		return StoredFinding{}, fmt.Errorf("%s: %s, want one", path, plural.Count(len(all), "scenario"))
	}
	return StoredFinding{Path: path, Text: text, Definition: all[0]}, nil
}

// ToFinding returns what is needed to play a stored finding first.
func (s StoredFinding) ToFinding() Finding {
	f := s.Definition.Found
	p := PointOf(f.Point)
	return Finding{ID: f.ID, Target: f.Target, Role: s.Definition.Role, Severity: Severity(f.Severity), Code: f.Code, Symptom: f.Symptom,
		Rule: s.Definition.Title, Direction: p.Direction, Witness: p, State: State(f.State), File: s.Path}
}

// Save writes a finding. Of a file that is there only the state is changed: somebody may
// have edited it. The error of one that cannot be read names the place.
func (s Store) Save(f Finding, seed int64, flags []string, folder string) error {
	if _, err := os.Stat(s.Path(f.ID)); err == nil {
		there, err := LoadFile(s.Path(f.ID))
		if err != nil {
			return err
		}
		return s.SetState(there, f.State)
	}
	return s.put(s.Path(f.ID), f.ScenarioFile(seed, flags, folder))
}

// SetState notes what became of a stored finding, and leaves the rest of its file as
// it is now: somebody may have edited it since it was read.
func (s Store) SetState(one StoredFinding, state State) error {
	one, err := LoadFile(one.Path)
	if err != nil {
		return err
	}
	if one.Definition.Found == nil || one.Definition.Found.State == string(state) {
		return nil
	}
	var out []byte
	done := false
	for line := range bytes.Lines(one.Text) {
		if trimmed := bytes.TrimLeft(line, " "); !done && len(trimmed) < len(line) && bytes.HasPrefix(trimmed, []byte("state:")) {
			line = append(bytes.Repeat([]byte(" "), len(line)-len(trimmed)), fmt.Sprintf("state: %q\n", state)...)
			done = true
		}
		out = append(out, line...)
	}
	return s.put(one.Path, out)
}

// put replaces a file whole.
func (s Store) put(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("finding write: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".finding-")
	if err != nil {
		return fmt.Errorf("finding write: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("finding write: %w", err)
	}
	return nil
}
