package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sockharness/harness/harness/suggest"
)

// A badNumber is the value of a flag that is no number, or too large.
type badNumber struct {
	wrong  *pflag.InvalidValueError
	number *strconv.NumError
}

func (e *badNumber) Error() string {
	flag, kind := e.wrong.GetFlag(), "a whole number"
	switch kinds := flag.Value.Type(); {
	case errors.Is(e.number, strconv.ErrRange):
		kind = "a smaller number"
	case strings.HasPrefix(kinds, "float"):
		kind = "a number"
	case kinds == "bool":
		kind = "true or false"
	}
	return fmt.Sprintf("--%s %q: want %s", flag.Name, e.wrong.GetValue(), kind)
}

func (e *badNumber) Unwrap() error { return e.wrong }

// SuggestFlag adds to the error of an unknown flag which flag of the command was meant,
// if one is close, and says of a wrong number what is wanted.
func SuggestFlag(command *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	var number *strconv.NumError
	if errors.As(err, &wrong) && errors.As(err, &number) {
		return &badNumber{wrong, number}
	}
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
	if meant := cmp.Or(suggest.Closest(typed, known), onlyPrefixed(typed, known)); meant != "" && len(typed) > 1 {
		return fmt.Errorf("%w; did you mean --%s?", err, meant)
	}
	return err
}

// onlyPrefixed returns the one name that begins with the word; empty where none or several
// do.
func onlyPrefixed(word string, names []string) string {
	begins := func(name string) bool { return strings.HasPrefix(name, word) }
	first := slices.IndexFunc(names, begins)
	if first < 0 || slices.ContainsFunc(names[first+1:], begins) {
		return ""
	}
	return names[first]
}
