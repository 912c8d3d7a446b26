package socktest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/socktest"
)

// With -artifacts a failed test leaves what passed its proxy, and how to run it again; a
// test that passes, or runs without it, leaves nothing.
func TestArtifactsOfAFailedTest(t *testing.T) {
	before := flag.Lookup("test.artifacts").Value.String()
	defer func() { _ = flag.Set("test.artifacts", before) }()
	for _, tt := range []struct {
		name  string
		flag  string
		fails bool
		want  bool
	}{{"fails", "true", true, true}, {"passes", "true", false, false}, {"without the flag", "false", true, false}} {
		t.Run(tt.name, func(t *testing.T) {
			if err := flag.Set("test.artifacts", tt.flag); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			tb := &fakeTB{name: "TestX", artifact: dir}
			tb.play(func(tb testing.TB) {
				server := socktest.NewServer(tb, func(c *socktest.Peer) {
					c.Want("hello\n")
					c.Send("hello yourself\n")
				})
				px := socktest.NewProxy(tb, server.Addr(), socktest.Seed(7))
				px.Inject(socktest.HalfCloseAt(socktest.Downstream, 5))
				client := socktest.Dial(tb, px.Addr())
				client.Send("hello\n")
				client.Want("hello")
				client.WantEOF()
				if tt.fails {
					tb.Error("half an answer")
				}
			})
			replay, err := os.ReadFile(filepath.Join(dir, "replay.txt"))
			if got := err == nil; got != tt.want {
				t.Fatalf("replay.txt is there: %t, want %t", got, tt.want)
			}
			if !tt.want {
				return
			}
			if want := "HARNESS_SEED=7 go test -run '^TestX$'\n"; string(replay) != want {
				t.Errorf("got %q, want %q", replay, want)
			}
			all, err := capture.ReadFile(filepath.Join(dir, "socktest-1.pcapng"), 0)
			if err != nil || len(all) != 2 {
				t.Fatalf("got %d conversations, %v, want those of both sides of the proxy", len(all), err)
			}
			if got := string(all[0].Turns[1].Bytes); got != "hello" || all[0].By != event.EOF {
				t.Errorf("the client's side has the answer %q and ended by %s, want hello and FIN", got, all[0].By)
			}
			if !strings.Contains(tb.said(), "what passed the proxy: "+dir) {
				t.Errorf("the test does not tell of the file:\n%s", tb.said())
			}
		})
	}
}
