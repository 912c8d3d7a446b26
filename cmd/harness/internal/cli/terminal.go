package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// A Terminal is where people read: colours, cursor movement and width only
// where somebody looks at a screen.
type Terminal struct {
	Out    io.Writer
	file   *os.File // Out, when it is a file
	TTY    bool     // a screen shows Out
	Color  bool
	Failed error // the first failed write
}

// NewTerminal returns the terminal that cmd writes to.
func NewTerminal(cmd *cobra.Command, noColor bool) Terminal {
	t := Terminal{Out: cmd.OutOrStdout()}
	if file, ok := t.Out.(*os.File); ok {
		t.file = file
		t.TTY = term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
	}
	t.Color = t.TTY && !noColor && os.Getenv("NO_COLOR") == ""
	return t
}

// Width returns the columns of the screen, 100 where there is none.
func (t *Terminal) Width() int {
	if t.TTY {
		if columns, _, err := term.GetSize(int(t.file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 100
}

// Printf writes to Out and keeps the first error for [Terminal.Err].
func (t *Terminal) Printf(format string, args ...any) {
	if _, err := fmt.Fprintf(t.Out, format, args...); err != nil && t.Failed == nil {
		t.Failed = err
	}
}

// Err returns the first failed write as an error of the harness.
func (t *Terminal) Err() error {
	if t.Failed != nil {
		return HarnessErrorf("%w", t.Failed)
	}
	return nil
}
