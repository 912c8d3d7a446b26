package document

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// String returns the characters of a string.
func (d *Decoder) String(n *Node) string {
	if !d.is(n, Text) {
		return ""
	}
	return n.text
}

// Word returns the characters of a string that is not empty.
func (d *Decoder) Word(n *Node) string {
	s := d.String(n)
	if s == "" && n.kind == Text {
		d.Report(n, "an empty string", "")
	}
	return s
}

// OneOf returns a string that is one of the choices, or "" after an error.
func (d *Decoder) OneOf(n *Node, choices ...string) string {
	if n.kind != Text && n.kind != Truth && n.kind != Number {
		d.is(n, Text)
		return ""
	}
	if slices.Contains(choices, n.text) {
		return n.text
	}
	hint := "want one of: " + strings.Join(choices, ", ")
	if near := closest(n.text, choices); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.Report(n, fmt.Sprintf("%q is not known here", n.text), hint)
	return ""
}

// Bool returns true or false.
func (d *Decoder) Bool(n *Node) bool {
	return d.is(n, Truth) && strings.EqualFold(n.text, "true")
}

// Int returns an integer between least and most, both included; least after an
// error. It may be written in decimal, hexadecimal (0x) or octal (0o).
func (d *Decoder) Int(n *Node, least, most int64) int64 {
	if !d.is(n, Number) {
		return least
	}
	digits := strings.TrimLeft(n.text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		d.Report(n, fmt.Sprintf("%s has a leading zero, which not every reader takes for the same number", n.text),
			fmt.Sprintf("write %s or 0o%s", strings.TrimLeft(digits, "0"), strings.TrimLeft(digits, "0")))
		return least
	}
	v, err := strconv.ParseInt(n.text, 0, 64)
	if err != nil {
		d.Report(n, fmt.Sprintf("%s is not a whole number", n.text), "")
		return least
	}
	if v < least || v > most {
		d.Report(n, fmt.Sprintf("%s is out of range", n.text), fmt.Sprintf("want %s", bounds(least, most)))
		return least
	}
	return v
}

func bounds(least, most int64) string {
	if most == math.MaxInt64 {
		return fmt.Sprintf("at least %d", least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}

// Float returns a finite number between least and most, both included; least
// after an error.
func (d *Decoder) Float(n *Node, least, most float64) float64 {
	if !d.is(n, Number) {
		return least
	}
	v, err := strconv.ParseFloat(n.text, 64)
	if err != nil || !(v >= least && v <= most) {
		d.Report(n, fmt.Sprintf("%s is not a number in range", n.text), fmt.Sprintf("want %g to %g", least, most))
		return least
	}
	return v
}

// Duration returns a time that is not negative, written as in Go: "250ms", "2s".
func (d *Decoder) Duration(n *Node) time.Duration {
	if n.kind != Text {
		if n.kind == Number && n.text == "0" {
			return 0
		}
		d.Report(n, fmt.Sprintf("want a duration, found %s", n.describe()), "give a number and its unit, such as 250ms or 2s")
		return 0
	}
	v, err := time.ParseDuration(n.text)
	if err != nil || v < 0 {
		d.Report(n, fmt.Sprintf("%q is not a duration", n.text), "give a number and its unit, such as 250ms or 2s")
		return 0
	}
	return v
}

var units = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// Size returns a number of bytes between 0 and most: a whole number, alone or
// with one of the units B, kB, MB, GB, KiB, MiB, GiB; 0 after an error.
func (d *Decoder) Size(n *Node, most int64) int64 {
	if n.kind == Number {
		return d.Int(n, 0, most)
	}
	if !d.is(n, Text) {
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
		d.Report(n, fmt.Sprintf("%q is not a size", n.text), "give a whole number and its unit, such as 4KiB")
	case v > most/unit:
		d.Report(n, fmt.Sprintf("%s is too much", n.text), fmt.Sprintf("want at most %d bytes", most))
	default:
		return v * unit
	}
	return 0
}

// Regexp returns the compiled expression (RE2 syntax), or nil after an error.
func (d *Decoder) Regexp(n *Node) *regexp.Regexp {
	text := d.Word(n)
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		d.Report(n, fmt.Sprintf("not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: ")), "see https://golang.org/s/re2syntax")
	}
	return re
}
