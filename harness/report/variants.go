package report

import (
	"fmt"
	"strconv"
	"strings"
)

// mostNames is how many variants or scenarios a block names. The numbers of a
// sweep are named all: which offsets fail is what tells the cause.
const mostNames = 10

// variantList names variants: those of a sweep by their common key once
// ("byte=5, 6, 9"), three or more successive numbers as a range.
func variantList(names []string) string {
	var out []string
	key := ""
	sweep := true
	for i := 0; i < len(names); {
		k, value := cutVariant(names[i])
		sweep = sweep && k != "" && (i == 0 || k == key)
		run := 1
		for i+run < len(names) && isSuccessor(names[i], names[i+run], run) {
			run++
		}
		word := value
		if k != key || k == "" {
			word = k + value
		}
		if run >= 3 {
			_, last := cutVariant(names[i+run-1])
			word += "–" + last
			i += run
		} else {
			i++
		}
		key = k
		out = append(out, word)
	}
	if sweep {
		return strings.Join(out, ", ")
	}
	return elideWords(out)
}

// cutVariant splits "byte=5" into "byte=" and "5".
func cutVariant(name string) (key, value string) {
	if i := strings.LastIndexByte(name, '='); i >= 0 {
		return name[:i+1], name[i+1:]
	}
	return "", name
}

// isSuccessor reports whether b is the number distance after a, of the same key.
func isSuccessor(a, b string, distance int) bool {
	ka, va := cutVariant(a)
	kb, vb := cutVariant(b)
	na, errA := strconv.Atoi(va)
	nb, errB := strconv.Atoi(vb)
	return ka == kb && errA == nil && errB == nil && nb == na+distance
}

func elideWords(words []string) string { return elideBy(words, ", ") }

func elideBy(words []string, between string) string {
	if len(words) <= mostNames {
		return strings.Join(words, between)
	}
	return fmt.Sprintf("%s%s… (%d more)", strings.Join(words[:mostNames], between), between, len(words)-mostNames)
}
