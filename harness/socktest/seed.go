package socktest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// seedVariable names the environment variable with the seed.
const seedVariable = "HARNESS_SEED"

// processSeed is the seed of a process that was given none.
var processSeed = sync.OnceValue(func() int64 { return rand.Int64N(1 << 31) })

// testSeed returns the seed of this run of the tests.
func testSeed() (int64, error) {
	if text := os.Getenv(seedVariable); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("$%s must be a whole number, got %q", seedVariable, text)
		}
		return n, nil
	}
	if f := flag.Lookup("ginkgo.seed"); f != nil {
		if n, err := strconv.ParseInt(f.Value.String(), 10, 64); err == nil && n != 0 {
			return n, nil
		}
	}
	return processSeed(), nil
}

// replayLine returns the command that runs the test again with the seed.
func replayLine(tb testing.TB, seed int64) string {
	name := tb.Name()
	if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Benchmark") && !strings.HasPrefix(name, "Fuzz") {
		return fmt.Sprintf("ginkgo --seed=%d --focus=%s", seed, shellQuote(regexp.QuoteMeta(name)))
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return fmt.Sprintf("%s=%d go test -run %s", seedVariable, seed, shellQuote(strings.Join(parts, "/")))
}

// shellQuote quotes a word for a shell.
func shellQuote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
