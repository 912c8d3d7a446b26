package reportcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/explore"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/report"
)

// readDocuments reads every result; the error names each file that is none.
func readDocuments(args []string) ([]outcome.Named, error) {
	files, err := expandFolders(args)
	if err != nil {
		return nil, err
	}
	documents, errs := make([]outcome.Named, len(files)), make([]error, len(files))
	var readers sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				d, err := report.ReadFile(files[i])
				switch {
				case errors.Is(err, fs.ErrNotExist):
					errs[i] = cli.UsageErrorf("%s: no such file; give a result that harness wrote with --json or --html", files[i])
				case err != nil:
					errs[i] = cli.UsageErrorf("%s: %w", files[i], err)
				}
				documents[i] = outcome.Named{Name: files[i], Run: d}
			}
		})
	}
	readers.Wait()
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) > 0 {
		return nil, cli.ExitError{Code: outcome.ExitUsage, Err: errors.Join(errs...)}
	}
	return documents, nil
}

// expandFolders replaces each folder by the .json files in it.
func expandFolders(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() {
			files = append(files, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.json"))
		if err != nil || len(found) == 0 {
			return nil, cli.UsageErrorf("%s: no .json file in this folder", arg)
		}
		files = append(files, found...)
	}
	return files, nil
}

// readExplorations returns the documents with what harness explore found; nil where they
// are of harness run. Documents of both are an error.
func readExplorations(documents []outcome.Named) ([]explore.NamedDocument, error) {
	var all []explore.NamedDocument
	for _, d := range documents {
		var found struct {
			Findings *[]explore.Finding `json:"findings"`
			Searches []explore.Search   `json:"searches"`
		}
		text, err := os.ReadFile(d.Name)
		if err != nil || !bytes.Contains(text, []byte(`"findings"`)) || json.Unmarshal(text, &found) != nil || found.Findings == nil {
			continue // from standard input, HTML, or of a run
		}
		all = append(all, explore.NamedDocument{Name: d.Name, Document: explore.Document{Run: d.Run, Findings: *found.Findings, Searches: found.Searches}})
	}
	if len(all) > 0 && len(all) < len(documents) {
		return nil, cli.UsageErrorf("%s is of harness explore, and another file is not", all[0].Name)
	}
	return all, nil
}

// mergeDocuments merges the shards of one run, or of one exploration, which is returned
// beside; nil: it is a run.
func mergeDocuments(documents []outcome.Named) (outcome.Run, *explore.Document, error) {
	explorations, err := readExplorations(documents)
	if err != nil {
		return outcome.Run{}, nil, err
	}
	if len(explorations) > 0 {
		merged, err := explore.MergeShards(explorations)
		if err != nil {
			return outcome.Run{}, nil, cli.UsageErrorf("%w", err)
		}
		return merged.Run, &merged, nil
	}
	d, err := outcome.MergeShards(documents)
	if err != nil {
		return d, nil, cli.UsageErrorf("%w", err)
	}
	return d, nil, nil
}
