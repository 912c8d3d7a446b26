package excerpt_test

import (
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/excerpt"
)

func TestExcerpts(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for _, c := range []struct{ got, want string }{
		{excerpt.Quote("a\n"), `"a\n"`},
		{excerpt.Quote([]byte{0, 'b'}), `"\x00b"`},
		{excerpt.Quote(long), `"` + strings.Repeat("ä", 40) + `"… (200 bytes)`},
		{excerpt.QuoteEnds("abc"), `"abc"`},
		{excerpt.QuoteEnds([]byte(long)), `"` + strings.Repeat("ä", 20) + `" … "` + strings.Repeat("ä", 20) + `" (200 bytes)`},
		{excerpt.Start("abc", 3), "abc"},
		{excerpt.Start(long, 5), "ää…"},
		{excerpt.FirstLine("\n  a b \r\nc"), "a b"},
		{excerpt.FirstLine(""), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
