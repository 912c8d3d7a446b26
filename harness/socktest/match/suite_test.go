package match_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"github.com/onsi/gomega/gexec"

	"github.com/sockharness/harness/harness/socktest"
	. "github.com/sockharness/harness/harness/socktest/match"
)

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

// begin lets Gomega fail the test, and wait as long as a busy machine takes.
func begin(t *testing.T) {
	RegisterTestingT(t)
	SetDefaultEventuallyTimeout(time.Minute)
}

// A client reports half an answer, wherever it is cut.
func TestFetcherReportsHalfAnAnswer(t *testing.T) {
	begin(t)
	server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("GET /\r\n"); c.Send("5\r\nhello"); c.CloseWrite() })
	socktest.EachOffset([]byte("5\r\nhello"), func(at int64) {
		px := socktest.NewProxy(t, server.Addr())
		cut := px.Inject(socktest.ResetAt(socktest.Downstream, at))
		_, err := Fetch(t.Context(), px.Addr())
		Expect(err).To(MatchError(io.ErrUnexpectedEOF))
		Expect(cut).To(HaveStruck(1))
		Expect(px.Conn(1)).To(EndWith(socktest.RST, at))
	})
}

// It gets the answer whole, however it is cut into segments.
func TestFetcherGetsAnAnswerInSegments(t *testing.T) {
	begin(t)
	server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("GET /\r\n"); c.Send("5\r\nhello") })
	px := socktest.NewProxy(t, server.Addr())
	drip := px.Inject(socktest.Drip(socktest.Downstream, 1))
	Expect(Fetch(t.Context(), px.Addr())).To(Equal("hello"))
	Expect(drip).To(HaveStruck())
	Eventually(px.Conn(1)).Should(EndWith(socktest.FIN, 8).In(socktest.Downstream))
	Expect(px.Conn(1)).To(Deliver([]byte("5\r\nhello")))
	Expect(px.Conn(1)).To(Deliver([]byte("GET /\r\n")).In(socktest.Upstream))
	Expect(px.Conn(1)).NotTo(EndWith(socktest.RST))
}

// HaveStruck counts connections and tells what they were like instead.
func TestHaveStruckCounts(t *testing.T) {
	begin(t)
	px := helloProxy(t)
	late := px.Inject(socktest.HalfCloseAt(socktest.Downstream, 93)).Maybe()
	client := socktest.Dial(t, px.Addr())
	client.Want("hello")
	client.WantEOF()
	failure := InterceptGomegaFailure(func() { Expect(late).To(HaveStruck(1)) })
	Expect(failure).To(MatchError(ContainSubstring("want the injection to have struck 1 connection, got half_close direction=downstream at.byte=93 (struck 0 connections)")))
	Expect(failure).To(MatchError(ContainSubstring("connection 1 carried 0 bytes upstream and 5 bytes downstream; FIN downstream after 5 bytes, by the server")))
	Expect(HaveStruck(1).Match("x")).Error().To(MatchError("HaveStruck wants a *socktest.Injection, got string"))
	Expect(HaveStruck(1, 2).Match(late)).Error().To(HaveOccurred())
}

// It waits with Eventually, and gives up when it was struck too often.
func TestHaveStruckWaits(t *testing.T) {
	begin(t)
	px := helloProxy(t)
	stall := px.Inject(socktest.StallAt(socktest.Downstream, 2))
	for range 2 {
		socktest.Dial(t, px.Addr()).Want("he")
	}
	Eventually(stall).Should(HaveStruck(2))
	Expect(InterceptGomegaFailure(func() { Eventually(stall, time.Hour).Should(HaveStruck(1)) })).To(HaveOccurred())
}

// EndWith tells a refused connect from others.
func TestEndWithRefused(t *testing.T) {
	begin(t)
	px := socktest.NewProxy(t, "127.0.0.1:1")
	px.Refuse()
	_, err := net.Dial("tcp", px.Addr())
	Expect(err).To(EndWith(socktest.Refused))
	failure := InterceptGomegaFailure(func() { Expect(err).To(EndWith(socktest.Unreachable)) })
	Expect(failure).To(MatchError(ContainSubstring("want the end: unreachable\n got: dial tcp")))
}

// EndWith sees what a peer saw, and what is open.
func TestEndWithPeers(t *testing.T) {
	begin(t)
	server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello"); c.Want("!"); c.Reset() })
	px := socktest.NewProxy(t, server.Addr())
	client := socktest.Dial(t, px.Addr())
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
}

// A failure shows where bytes differ.
func TestBytesDiffer(t *testing.T) {
	begin(t)
	Expect([]byte("he")).To(DeliverPrefixOf([]byte("hello")))
	Expect("").To(DeliverPrefixOf([]byte("hello")))
	Expect("hex").NotTo(DeliverPrefixOf([]byte("hello")))
	failure := InterceptGomegaFailure(func() { Expect("hex").To(DeliverPrefixOf([]byte("hello"))) })
	Expect(failure).To(MatchError(ContainSubstring("want a prefix of 5 bytes, got 3 that are none\n")))
	Expect(failure).To(MatchError(ContainSubstring("68 65 78")))
	Expect(InterceptGomegaFailure(func() { Expect("hello").NotTo(Deliver([]byte("hello"))) })).To(HaveOccurred())
	Expect(Deliver(nil).Match(7)).Error().To(HaveOccurred())
}

// gbytes.Say looks at a peer.
func TestSayLooksAtAPeer(t *testing.T) {
	begin(t)
	server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("220 ready\r\n", "221 bye\r\n") })
	client := socktest.Dial(t, server.Addr())
	Eventually(client).Should(gbytes.Say(`2\d0 ready`))
	Eventually(client).Should(gbytes.Say("bye"))
	Eventually(client.Buffer().Closed).Should(BeTrue())
	client.Want("220 ready\r\n221 bye\r\n")
	client.WantEOF()
}

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

// A process is alive as before when clients come and go.
func TestProcessAliveAsBefore(t *testing.T) {
	begin(t)
	server := startPython(t)
	Expect(server).To(gbytes.Say("starting"))
	for range 3 {
		px := socktest.NewProxy(t, server.Addr())
		px.Inject(socktest.ResetAt(socktest.Upstream, 3))
		socktest.Dial(t, px.Addr()).Send("hello\n")
		Eventually(px.Conn(1)).Should(EndWith(socktest.RST, 3).In(socktest.Upstream))
	}
	Eventually(server).Should(BeAliveAsBefore())
	Expect(server).To(HoldOracles())
	Expect(server.Children()).To(BeZero())
	Expect(server.Fds()).To(BeNumerically(">=", 3))
	Expect(HoldOracles("luck").Match(server)).Error().To(HaveOccurred())
}

// A process that leaks or dies is caught.
func TestProcessThatLeaksOrDies(t *testing.T) {
	begin(t)
	server := startPython(t)
	client := socktest.Dial(t, server.Addr())
	client.Send("LEAK\n")
	client.Want("LEAK\n")
	client.Close()
	Eventually(func() string { // the connection is gone then, and what is left is the leak
		return InterceptGomegaFailure(func() { Expect(server).To(BeAliveAsBefore()) }).Error()
	}).Should(ContainSubstring("1 descriptor more than before: /dev/null"))
	Expect(server).NotTo(gexec.Exit())
	socktest.Dial(t, server.Addr()).Send("DIE\n")
	Eventually(server).Should(gexec.Exit(3))
	Eventually(server).Should(gbytes.Say("dying"))
	failure := InterceptGomegaFailure(func() { Eventually(server, time.Hour).Should(BeAliveAsBefore()) })
	Expect(failure).To(MatchError(ContainSubstring("exited with status 3")))
}

// A process takes signals.
func TestProcessTakesSignals(t *testing.T) {
	begin(t)
	server := startPython(t)
	Expect(server.Signal(syscall.SIGTERM)).To(Succeed())
	Expect(server.Wait(t.Context())).To(Equal(128 + 15))
	Expect(server.Stop()).To(Equal(128 + 15))
}

// helloProxy is a proxy for a server that says hello.
func helloProxy(t *testing.T) *socktest.Proxy {
	server := socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello") })
	return socktest.NewProxy(t, server.Addr())
}

// startPython starts [pythonServer].
func startPython(t *testing.T) *socktest.Process {
	file := filepath.Join(t.TempDir(), "server.py")
	Expect(os.WriteFile(file, []byte(pythonServer), 0o600)).To(Succeed())
	return socktest.Start(t, "python3 "+file+" {port}")
}
