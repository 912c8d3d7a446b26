package cli

import (
	"errors"
	"testing"

	"github.com/spf13/cobra"
)

// What cobra says of arguments is said in plain words. A new wording of cobra fails here.
func TestExplainArgs(t *testing.T) {
	for _, c := range []struct {
		args  cobra.PositionalArgs
		given []string
		want  string
	}{
		{cobra.ExactArgs(1), nil, "want 1 argument, got 0"},
		{cobra.ExactArgs(2), []string{"a"}, "want 2 arguments, got 1"},
		{cobra.MinimumNArgs(1), nil, "want at least 1 argument, got 0"},
		{cobra.MaximumNArgs(1), []string{"a", "b"}, "want at most 1 argument, got 2"},
		{cobra.RangeArgs(1, 2), nil, "want 1 to 2 arguments, got 0"},
	} {
		if got := ExplainArgs(c.args(&cobra.Command{Use: "x"}, c.given)); got.Error() != c.want {
			t.Errorf("%v: got %q, want %q", c.given, got, c.want)
		}
	}
	cmd := &cobra.Command{Use: "x", Run: func(*cobra.Command, []string) {}}
	for _, name := range []string{"listen", "upstream"} {
		cmd.Flags().String(name, "", "")
		if err := cmd.MarkFlagRequired(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := ExplainArgs(cmd.ValidateRequiredFlags()); got.Error() != "missing: --listen and --upstream" {
		t.Errorf("two required flags: got %q", got)
	}
	other := errors.New("something else")
	if got := ExplainArgs(other); got != other {
		t.Errorf("another error: got %v, want it as it is", got)
	}
}
