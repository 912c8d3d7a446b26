package match_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/sockharness/harness/harness/socktest"
	. "github.com/sockharness/harness/harness/socktest/match"

	"net"
)

func TestMatch(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "socktest and its matchers")
}

// Fetch gets what a server sends as a line with a length, and so many bytes.
func Fetch(ctx context.Context, addr string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		return "", cut(err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(line, "\r\n"))
	if err != nil {
		return "", err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", cut(err)
	}
	return string(body), nil
}

// cut is the error of an answer that ends too early, however that comes.
func cut(err error) error {
	if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
		err = fmt.Errorf("%w (%v)", io.ErrUnexpectedEOF, err)
	}
	return err
}

var _ = Describe("the fetcher", func() {
	It("reports half an answer, wherever it is cut", func(ctx SpecContext) {
		server := socktest.NewServer(GinkgoTB(), func(c *socktest.Peer) { c.Want("GET /\r\n"); c.Send("5\r\nhello"); c.CloseWrite() })
		socktest.EachOffset([]byte("5\r\nhello"), func(at int64) {
			px := socktest.NewProxy(GinkgoTB(), server.Addr())
			cut := px.Inject(socktest.ResetAt(socktest.Downstream, at))
			_, err := Fetch(ctx, px.Addr())
			Expect(err).To(MatchError(io.ErrUnexpectedEOF))
			Expect(cut).To(HaveStruck(1))
			Expect(px.Conn(1)).To(EndWith(socktest.RST, at))
		})
	})

	It("gets the answer whole, however it is cut into segments", func(ctx SpecContext) {
		server := socktest.NewServer(GinkgoTB(), func(c *socktest.Peer) { c.Want("GET /\r\n"); c.Send("5\r\nhello") })
		px := socktest.NewProxy(GinkgoTB(), server.Addr())
		drip := px.Inject(socktest.Drip(socktest.Downstream, 1))
		Expect(Fetch(ctx, px.Addr())).To(Equal("hello"))
		Expect(drip).To(HaveStruck())
		Eventually(px.Conn(1)).Should(EndWith(socktest.FIN, 8).In(socktest.Downstream))
		Expect(px.Conn(1)).To(Deliver([]byte("5\r\nhello")))
		Expect(px.Conn(1)).To(Deliver([]byte("GET /\r\n")).In(socktest.Upstream))
		Expect(px.Conn(1)).NotTo(EndWith(socktest.RST))
	})
})

var _ = Describe("HaveStruck", func() {
	var px *socktest.Proxy
	var client *socktest.Peer
	BeforeEach(func() {
		server := socktest.NewServer(GinkgoTB(), func(c *socktest.Peer) { c.Send("hello") })
		px = socktest.NewProxy(GinkgoTB(), server.Addr())
	})

	It("counts connections and tells what they were like instead", func() {
		late := px.Inject(socktest.HalfCloseAt(socktest.Downstream, 93)).Maybe()
		client = socktest.Dial(GinkgoTB(), px.Addr())
		client.Want("hello")
		client.WantEOF()
		failure := InterceptGomegaFailure(func() { Expect(late).To(HaveStruck(1)) })
		Expect(failure).To(MatchError(ContainSubstring("want the injection to have struck 1 connection, got half_close direction=downstream at.byte=93 (struck 0 connections)")))
		Expect(failure).To(MatchError(ContainSubstring("connection 1 carried 0 bytes upstream and 5 bytes downstream; FIN downstream after 5 bytes, by the server")))
		Expect(HaveStruck(1).Match("x")).Error().To(MatchError("HaveStruck wants a *socktest.Injection, got string"))
		Expect(HaveStruck(1, 2).Match(late)).Error().To(HaveOccurred())
	})

	It("waits with Eventually, and gives up when it was struck too often", func() {
		stall := px.Inject(socktest.StallAt(socktest.Downstream, 2))
		for range 2 {
			socktest.Dial(GinkgoTB(), px.Addr()).Want("he")
		}
		Eventually(stall).Should(HaveStruck(2))
		start := time.Now()
		Expect(InterceptGomegaFailure(func() { Eventually(stall, time.Hour).Should(HaveStruck(1)) })).To(HaveOccurred())
		Expect(time.Since(start)).To(BeNumerically("<", time.Minute))
	})
})

var _ = Describe("EndWith", func() {
	It("tells a refused connect from others", func() {
		px := socktest.NewProxy(GinkgoTB(), "127.0.0.1:1")
		px.Refuse()
		_, err := net.Dial("tcp", px.Addr())
		Expect(err).To(EndWith(socktest.Refused))
		failure := InterceptGomegaFailure(func() { Expect(err).To(EndWith(socktest.Unreachable)) })
		Expect(failure).To(MatchError(ContainSubstring("want the end: unreachable\n got: dial tcp")))
	})

	It("sees what a peer saw, and what is open", func() {
		server := socktest.NewServer(GinkgoTB(), func(c *socktest.Peer) { c.Send("hello"); c.Want("!"); c.Reset() })
		px := socktest.NewProxy(GinkgoTB(), server.Addr())
		client := socktest.Dial(GinkgoTB(), px.Addr())
		client.Want("hello")
		Expect(client).To(EndWith(socktest.Open, 5))
		Expect(px.Conn(1)).To(EndWith(socktest.Open, 5))
		Expect(px.Conn(2)).NotTo(EndWith(socktest.Open))
		client.Send("!")
		client.WantReset()
		Expect(client).To(EndWith(socktest.RST, 5))
		Expect(px.Conn(1)).To(EndWith(socktest.RST, 5).In(socktest.Downstream))
		failure := InterceptGomegaFailure(func() { Expect(px.Conn(1)).To(EndWith(socktest.FIN, 4).In(socktest.Upstream)) })
		Expect(failure).To(MatchError(ContainSubstring("want the end: FIN upstream after 4 bytes\n got: connection 1 carried 1 byte upstream and 5 bytes downstream; RST downstream after 5 bytes, by the server")))
		Expect(failure).To(MatchError(ContainSubstring("ms  rst downstream at byte 5 by the server")))
		Expect(EndWith(socktest.RST).Match(5)).Error().To(HaveOccurred())
		Expect(EndWith(socktest.RST, 1, 2).Match(client)).Error().To(HaveOccurred())
	})
})

var _ = Describe("bytes", func() {
	It("shows where they differ", func() {
		Expect([]byte("he")).To(DeliverPrefixOf([]byte("hello")))
		Expect("").To(DeliverPrefixOf([]byte("hello")))
		Expect("hex").NotTo(DeliverPrefixOf([]byte("hello")))
		failure := InterceptGomegaFailure(func() { Expect("hex").To(DeliverPrefixOf([]byte("hello"))) })
		Expect(failure).To(MatchError(ContainSubstring("want a prefix of 5 bytes, got 3 that are none\n")))
		Expect(failure).To(MatchError(ContainSubstring("68 65 78")))
		Expect(InterceptGomegaFailure(func() { Expect("hello").NotTo(Deliver([]byte("hello"))) })).To(HaveOccurred())
		Expect(Deliver(nil).Match(7)).Error().To(HaveOccurred())
	})

	It("lets gbytes.Say look at a peer", func() {
		server := socktest.NewServer(GinkgoTB(), func(c *socktest.Peer) { c.Send("220 ready\r\n", "221 bye\r\n") })
		client := socktest.Dial(GinkgoTB(), server.Addr())
		Eventually(client).Should(gbytes.Say(`2\d0 ready`))
		Eventually(client).Should(gbytes.Say("bye"))
		Eventually(client.Buffer().Closed).Should(BeTrue())
		client.Want("220 ready\r\n221 bye\r\n")
		client.WantEOF()
	})
})

// An echo server in Python: it answers each line with itself, and keeps the connections
// of clients that say LEAK.
const pythonServer = `
import socketserver, sys
kept = []
class H(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line == b'DIE\n': import os; print('dying', file=sys.stderr, flush=True); os._exit(3)
            if line == b'LEAK\n': kept.append(open('/dev/null'))
            self.wfile.write(line)
class S(socketserver.ThreadingTCPServer): allow_reuse_address = True
print('starting', flush=True)
S(('127.0.0.1', int(sys.argv[1])), H).serve_forever()
`

var _ = Describe("processes", func() {
	var server *socktest.Process
	BeforeEach(func() {
		file := filepath.Join(GinkgoT().TempDir(), "server.py")
		Expect(os.WriteFile(file, []byte(pythonServer), 0o600)).To(Succeed())
		server = socktest.Start(GinkgoTB(), "python3 "+file+" {port}")
	})

	It("are alive as before when clients come and go", func() {
		Expect(server).To(gbytes.Say("starting"))
		for range 3 {
			px := socktest.NewProxy(GinkgoTB(), server.Addr())
			px.Inject(socktest.ResetAt(socktest.Upstream, 3))
			socktest.Dial(GinkgoTB(), px.Addr()).Send("hello\n")
			Eventually(px.Conn(1)).Should(EndWith(socktest.RST, 3).In(socktest.Upstream))
		}
		Eventually(server, time.Minute).Should(BeAliveAsBefore())
		Expect(server).To(HoldOracles())
		Expect(server.Children()).To(BeZero())
		Expect(server.Fds()).To(BeNumerically(">=", 3))
		Expect(HoldOracles("luck").Match(server)).Error().To(HaveOccurred())
	})

	It("are caught when they leak or die", func() {
		client := socktest.Dial(GinkgoTB(), server.Addr())
		client.Send("LEAK\n")
		client.Want("LEAK\n")
		client.Close()
		Eventually(func() string { // the connection is gone then, and what is left is the leak
			return InterceptGomegaFailure(func() { Expect(server).To(BeAliveAsBefore()) }).Error()
		}, time.Minute).Should(ContainSubstring("1 descriptor more than before: /dev/null"))
		Expect(server).NotTo(gexec.Exit())
		socktest.Dial(GinkgoTB(), server.Addr()).Send("DIE\n")
		Eventually(server, time.Minute).Should(gexec.Exit(3))
		Eventually(server).Should(gbytes.Say("dying"))
		failure := InterceptGomegaFailure(func() { Eventually(server, time.Hour).Should(BeAliveAsBefore()) })
		Expect(failure).To(MatchError(ContainSubstring("exited with status 3")))
	})

	It("take signals", func(ctx SpecContext) {
		Expect(server.Signal(syscall.SIGTERM)).To(Succeed())
		Expect(server.Wait(ctx)).To(Equal(128 + 15))
		Expect(server.Stop()).To(Equal(128 + 15))
	})
})
