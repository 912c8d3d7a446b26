package strictyaml

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/suggest"
)

// String returns the characters of a string.
func (d *Decoder) String(n *Node) string {
	if !d.isKind(n, Text) {
		return ""
	}
	return n.text
}

// NonEmptyString returns the characters of a string that is not empty.
func (d *Decoder) NonEmptyString(n *Node) string {
	s := d.String(n)
	if s == "" && n.kind == Text {
		d.ReportError(n, "an empty string", "")
	}
	return s
}

// OneOf returns a string that is one of the choices, or "" after an error.
func (d *Decoder) OneOf(n *Node, choices ...string) string {
	if n.kind != Text && n.kind != Truth && n.kind != Number {
		d.isKind(n, Text)
		return ""
	}
	if slices.Contains(choices, n.text) {
		return n.text
	}
	hint := suggest.Hint(n.text, choices)
	if hint == "" {
		hint = "want one of: " + strings.Join(choices, ", ")
	}
	d.ReportError(n, fmt.Sprintf("%q is not allowed here", n.text), hint)
	return ""
}

// Bool returns true or false, which may be written as yes or no, on or off too.
func (d *Decoder) Bool(n *Node) bool {
	if n.kind == Text {
		switch strings.ToLower(n.text) {
		case "yes", "on":
			return true
		case "no", "off":
			return false
		}
	}
	return d.isKind(n, Truth) && strings.EqualFold(n.text, "true")
}

// IntBetween returns an integer between least and most, both included; least after an
// error. It may be written in decimal, hexadecimal (0x) or octal (0o).
func (d *Decoder) IntBetween(n *Node, least, most int64) int64 {
	if !d.isKind(n, Number) {
		return least
	}
	digits := strings.TrimLeft(n.text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		d.ReportError(n, fmt.Sprintf("%s has a leading zero: YAML readers disagree whether it is octal", n.text),
			fmt.Sprintf("write %s or 0o%s", strings.TrimLeft(digits, "0"), strings.TrimLeft(digits, "0")))
		return least
	}
	v, err := strconv.ParseInt(n.text, 0, 64)
	if err != nil {
		d.ReportError(n, fmt.Sprintf("%s is not a whole number", n.text), "")
		return least
	}
	if v < least || v > most {
		d.ReportError(n, fmt.Sprintf("%s is out of range", n.text), fmt.Sprintf("want %s", formatBounds(least, most)))
		return least
	}
	return v
}

func formatBounds(least, most int64) string {
	if most == math.MaxInt64 {
		return fmt.Sprintf("at least %d", least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// FloatBetween returns a finite number between least and most, both included; least
// after an error.
func (d *Decoder) FloatBetween(n *Node, least, most float64) float64 {
	if !d.isKind(n, Number) {
		return least
	}
	v, err := strconv.ParseFloat(n.text, 64)
	if err != nil || !(v >= least && v <= most) {
		d.ReportError(n, fmt.Sprintf("%s is not a number in range", n.text), fmt.Sprintf("want %g to %g", least, most))
		return least
	}
	return v
}

// ParseDuration returns a time that is not negative, written as in Go: "250ms", "2s".
func (d *Decoder) ParseDuration(n *Node) time.Duration {
	if n.kind != Text {
		if n.kind == Number && n.text == "0" {
			return 0
		}
		d.ReportError(n, fmt.Sprintf("want a duration, found %s", n.describeNode()), "give a number and its unit, such as 250ms or 2s")
		return 0
	}
	v, err := time.ParseDuration(n.text)
	if err != nil || v < 0 {
		d.ReportError(n, fmt.Sprintf("%q is not a duration", n.text), "give a number and its unit, such as 250ms or 2s")
		return 0
	}
	return v
}

var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// ParseSize returns a number of bytes between 0 and most: a whole number, alone or
// with one of the units B, kB, MB, GB, KiB, MiB, GiB; 0 after an error.
func (d *Decoder) ParseSize(n *Node, most int64) int64 {
	if n.kind == Number {
		return d.IntBetween(n, 0, most)
	}
	if !d.isKind(n, Text) {
		return 0
	}
	number, unit := n.text, int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(n.text, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil || v < 0:
		d.ReportError(n, fmt.Sprintf("%q is not a size", n.text), "give a whole number and its unit, such as 4KiB")
	case v > most/unit:
		d.ReportError(n, fmt.Sprintf("%s is too large", n.text), fmt.Sprintf("want at most %d bytes", most))
	default:
		return v * unit
	}
	return 0
}

// CompileRegexp returns the compiled expression (RE2 syntax), or nil after an error.
func (d *Decoder) CompileRegexp(n *Node) *regexp.Regexp {
	text := d.NonEmptyString(n)
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		d.ReportError(n, fmt.Sprintf("not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: ")), "see https://golang.org/s/re2syntax")
	}
	return re
}
