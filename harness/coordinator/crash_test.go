package coordinator

import (
	"strings"
	"testing"
)

// A dump of all goroutines is cut to the one that hangs in the suite's file.
func TestGoroutinesInAFile(t *testing.T) {
	dump := "SIGQUIT: quit\n\ngoroutine 0 gp=0x1 [idle]:\nruntime.futex()\n\t/go/runtime/sys.go:558\n\n" +
		"goroutine 7 [select]:\ngithub.com/onsi/ginkgo/v2.RunSpecs()\n\t/src/hang_test.go:17\n\n" +
		"goroutine 22 [select (no cases)]:\nexample_test.init.func1.2()\n\t/src/hang_test.go:20 +0x1\n\n" +
		"goroutine 9 [select]:\nginkgo.f()\n\t/src/other_test.go:1\n"
	if got := goroutinesIn(dump, "/src/hang_test.go"); !strings.HasPrefix(got, "goroutine 22 ") || strings.Contains(got, "goroutine 9") {
		t.Errorf("got %q", got)
	}
	for _, file := range []string{"", "/src/none_test.go"} {
		if got := goroutinesIn(dump, file); got != "" {
			t.Errorf("file %q: got %q", file, got)
		}
	}
	long := "goroutine 1 [running]:\n\t/src/hang_test.go:1 " + strings.Repeat("x", 2*messageTail)
	if got := goroutinesIn(long, "/src/hang_test.go"); len(got) > messageTail {
		t.Errorf("%d bytes, more than a message holds", len(got))
	}
}
