// Package mancmd is `harness man`: it writes the manual pages of all commands, for
// packages.
//
//	root.AddCommand(mancmd.Commands()...)
package mancmd

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
)

// Commands returns man.
func Commands() []*cobra.Command {
	return []*cobra.Command{{
		Use:   "man DIR",
		Short: "Write the manual pages of all commands into a folder",
		Long: `Write a manual page (section 1) for each command into a folder, which is created if it
does not exist. SOURCE_DATE_EPOCH sets the date of the pages (default: 1970).`,
		Example: `  harness man /usr/local/share/man/man1`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return writePages(cmd.Root(), args[0]) },
	}}
}

func writePages(root *cobra.Command, folder string) error {
	date, err := pageDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return cli.UsageErrorf("%s: %w", folder, cli.UnderlyingOSError(err))
	}
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Title: "HARNESS", Section: "1", Source: "harness", Manual: "harness manual", Date: date}
	err = doc.GenManTree(root, header, folder)
	var path *fs.PathError
	if errors.As(err, &path) {
		return cli.UsageErrorf("%s: %w", path.Path, path.Err)
	}
	if err != nil {
		return cli.HarnessErrorf("manual pages: %w", err)
	}
	return nil
}

// pageDate reads seconds since 1970, so that builds are reproducible.
func pageDate(seconds string) (*time.Time, error) {
	date := time.Unix(0, 0).UTC()
	if seconds == "" {
		return &date, nil
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, cli.UsageErrorf("SOURCE_DATE_EPOCH=%s: want seconds since 1970", seconds)
	}
	date = time.Unix(n, 0).UTC()
	return &date, nil
}
