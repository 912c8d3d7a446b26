package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/harness/suggest"
)

// SuggestFlag adds to the error of an unknown flag which flag of the command was meant,
// if one is close.
func SuggestFlag(command *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	typed := unknown.GetSpecifiedName()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" {
		typed = letters // -server is read as the flags -s, -e and so on
	}
	var known []string
	command.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if meant := suggest.Closest(typed, known); meant != "" && len(typed) > 1 {
		return fmt.Errorf("%w; did you mean --%s?", err, meant)
	}
	return err
}
