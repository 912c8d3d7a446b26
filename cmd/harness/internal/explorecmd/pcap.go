package explorecmd

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/runner"
	"github.com/sockharness/harness/harness/scenario"
)

// recordTime bounds what is spent on the recordings of the findings of one target.
const recordTime = time.Minute

// record plays each finding once more, as `harness run` does with its file, and keeps what
// passed: the engine of explore has no proxy that could be listened at.
func (x *exploration) record(ctx context.Context, t scenario.Target, r *explore.Result) {
	if x.flags.pcap == "" || len(r.Findings) == 0 || ctx.Err() != nil {
		return
	}
	store := explore.Store{Folder: x.flags.folder()}
	if store.Folder == noStore {
		store.Folder = filepath.Join(x.tmp, "findings")
		for _, f := range r.Findings {
			if err := store.Save(f, x.flags.seed, nil, ""); err != nil {
				x.note("%v: no pcapng of it", err)
			}
		}
	}
	stored, err := store.LoadAll(t.Name)
	if err != nil {
		x.note("no pcapng of some findings: %v", err)
	}
	limit, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	player := runner.New(runner.Config{Seed: x.flags.seed, StartTimeout: x.flags.startTimeout, Tmp: x.tmp, Self: x.self, Pcap: x.flags.pcap})
	defer player.Close()
	for _, one := range stored {
		i := slices.IndexFunc(r.Findings, func(f explore.Finding) bool { return f.ID == one.Definition.Found.ID })
		if i < 0 {
			continue
		}
		f := &r.Findings[i]
		for _, result := range player.RunScenario(limit, t, one.Definition.CompileScenario()) {
			f.Captures = append(f.Captures, result.Captures...)
		}
		x.tellCaptures(*f)
	}
}

// tellCaptures tells the files of a finding.
func (x *exploration) tellCaptures(f explore.Finding) {
	if len(f.Captures) == 0 {
		x.note("no pcapng of %s: harness run does not see it in %s", f.ID, f.File)
		return
	}
	x.emit(map[string]any{"event": "captures", "target": f.Target, "id": f.ID, "captures": f.Captures})
	for _, path := range f.Captures {
		x.terminal.Printf("pcapng of %s: %s\n", f.ID, path)
	}
}
