// Package exchanges is a bare Ginkgo suite with the exchanges of the benchmark's scenario
// files: what the same costs somebody who writes Go.
package exchanges

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestExchanges(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "exchanges")
}

var _ = Describe("exchanges", func() {
	for i := range 1000 {
		It(fmt.Sprintf("s%d", i), func() {
			conn, err := net.Dial("tcp", os.Getenv("BENCH_SERVER"))
			Expect(err).NotTo(HaveOccurred())
			defer conn.Close()
			Expect(conn.SetDeadline(time.Now().Add(10 * time.Second))).To(Succeed())
			_, err = io.WriteString(conn, "hello\n")
			Expect(err).NotTo(HaveOccurred())
			answer := make([]byte, 6)
			_, err = io.ReadFull(conn, answer)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(answer)).To(Equal("HELLO\n"))
		})
	}
})
