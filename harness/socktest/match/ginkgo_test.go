package match_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/sockharness/harness/harness/socktest"
	. "github.com/sockharness/harness/harness/socktest/match"
)

// inGinkgo is set in the process that runs the specs: Ginkgo runs a suite once in each.
const inGinkgo = "MATCH_TEST_IN_GINKGO"

var _ = ginkgo.Describe("a spec", func() {
	ginkgo.It("has proxies with Ginkgo's seed", func() {
		server := socktest.NewServer(ginkgo.GinkgoTB(), func(c *socktest.Peer) { c.Send("hello") })
		px := socktest.NewProxy(ginkgo.GinkgoTB(), server.Addr())
		cut := px.Inject(socktest.HalfCloseAt(socktest.Downstream, 3))
		client := socktest.Dial(ginkgo.GinkgoTB(), px.Addr())
		client.Want("hel")
		client.WantEOF()
		Expect(cut).To(HaveStruck(1))
		Expect(px.Seed()).To(Equal(ginkgo.GinkgoRandomSeed()))
	})
	ginkgo.It("fails for a fault that never struck", ginkgo.Label("fails"), func() {
		socktest.NewProxy(ginkgo.GinkgoTB(), "127.0.0.1:1").Inject(socktest.ResetAt(socktest.Upstream, 5))
	})
})

// The package works in Ginkgo as it does in a plain test.
func TestInGinkgo(t *testing.T) {
	if os.Getenv(inGinkgo) != "" {
		RegisterFailHandler(ginkgo.Fail)
		ginkgo.RunSpecs(t, "socktest in Ginkgo")
		return
	}
	for filter, want := range map[string][]string{
		"!fails": {"1 Passed"},
		"fails": {"1 Failed", "the injection reset direction=upstream at.byte=5 never struck", "no client has connected to the proxy",
			"seed 7; to run the test again: ginkgo --seed=7 --focus='a spec fails for a fault that never struck'"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestInGinkgo$", "-test.count=1", "-ginkgo.seed=7", "-ginkgo.no-color", "-ginkgo.label-filter="+filter)
		cmd.Env = append(os.Environ(), inGinkgo+"=1", "HARNESS_SEED=")
		out, err := cmd.CombinedOutput()
		if failed := err != nil; failed != (filter == "fails") {
			t.Errorf("specs %s: %v\n%s", filter, err, out)
		}
		for _, text := range want {
			if !strings.Contains(string(out), text) {
				t.Errorf("specs %s: want %q in\n%s", filter, text, out)
			}
		}
	}
}
