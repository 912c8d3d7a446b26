package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/suggest"
)

// What cobra says of too few or too many arguments, and of flags that must be given.
var (
	wrongCount   = regexp.MustCompile(`^(accepts|requires)( at least| at most| between (\d+) and)? (\d+) arg\(s\), (?:only )?received (\d+)$`)
	missingFlags = regexp.MustCompile(`^required flag\(s\) (.*) not set$`)
)

// ExplainArgs says in plain words what cobra says of the number of arguments, or of a
// missing flag; any other error stays.
func ExplainArgs(err error) error {
	if m := missingFlags.FindStringSubmatch(err.Error()); m != nil {
		names := strings.ReplaceAll(strings.ReplaceAll(m[1], `"`, ""), ", ", " and --")
		return fmt.Errorf("missing: --%s", names)
	}
	m := wrongCount.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	most, _ := strconv.Atoi(m[4])
	want := strings.TrimSpace(m[2]) + " " + plural.Count(most, "argument")
	if m[3] != "" {
		want = m[3] + " to " + plural.Count(most, "argument")
	}
	return fmt.Errorf("want %s, got %s", strings.TrimSpace(want), m[5])
}

// NewHelp returns the command help, which fails for a topic that there is not.
func NewHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Show the help of a command or topic",
		RunE: func(c *cobra.Command, args []string) error {
			cmd, _, err := c.Root().Find(args)
			if cmd == nil || err != nil || cmd == c.Root() && len(args) > 0 {
				hint := suggest.Hint(strings.Join(args, " "), topicNames(c.Root()))
				return ExitError{Code: 2, Err: errors.New(strings.TrimSuffix(fmt.Sprintf("no command or help topic %q; `harness help` lists them; %s", strings.Join(args, " "), hint), "; "))}
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
		ValidArgsFunction: SuggestWords(func(c *cobra.Command) []string { return topicNames(c.Root()) }),
	}
}

func topicNames(root *cobra.Command) (names []string) {
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}
