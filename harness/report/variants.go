package report

import (
	"fmt"
	"strconv"
	"strings"
)

// mostNames is how many variants or scenarios a block names.
const mostNames = 10

// variantList names variants: those of a sweep by their common key once
// ("byte=5, 6, 7"), four or more successive numbers as a range.
func variantList(names []string) string {
	var out []string
	key := ""
	for i := 0; i < len(names); {
		k, value := cutVariant(names[i])
		run := 1
		for i+run < len(names) && follows(names[i], names[i+run], run) {
			run++
		}
		word := value
		if k != key || k == "" {
			word = k + value
		}
		if run >= 4 {
			_, last := cutVariant(names[i+run-1])
			word += "–" + last
			i += run
		} else {
			i++
		}
		key = k
		out = append(out, word)
	}
	return elide(out)
}

// cutVariant splits "byte=5" into "byte=" and "5".
func cutVariant(name string) (key, value string) {
	if i := strings.LastIndexByte(name, '='); i >= 0 {
		return name[:i+1], name[i+1:]
	}
	return "", name
}

// follows reports whether b is the number distance after a, of the same key.
func follows(a, b string, distance int) bool {
	ka, va := cutVariant(a)
	kb, vb := cutVariant(b)
	na, errA := strconv.Atoi(va)
	nb, errB := strconv.Atoi(vb)
	return ka == kb && errA == nil && errB == nil && nb == na+distance
}

func elide(words []string) string { return elideBy(words, ", ") }

func elideBy(words []string, between string) string {
	if len(words) <= mostNames {
		return strings.Join(words, between)
	}
	return fmt.Sprintf("%s%s… (%d more)", strings.Join(words[:mostNames], between), between, len(words)-mostNames)
}

// plural returns "1 variant", "2 variants".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
