package socktest_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/socktest"
)

// bound is how long a test waits for what must come.
const bound = 60 * time.Second

func wantSaid(t *testing.T, tb *fakeTB, failed bool, parts ...string) {
	t.Helper()
	if tb.Failed() != failed {
		t.Errorf("got failed %v, want %v", tb.Failed(), failed)
	}
	for _, part := range parts {
		if !strings.Contains(tb.said(), part) {
			t.Errorf("got %s\nwant %q in it", tb.said(), part)
		}
	}
	if !failed && tb.said() != "" {
		t.Errorf("a test that passed has said:\n%s", tb.said())
	}
}

func hello(t testing.TB) *socktest.Server {
	return socktest.NewServer(t, func(c *socktest.Peer) { c.Send("hello") })
}

func TestUnstruckInjectionFails(t *testing.T) {
	tb := play(func(t testing.TB) {
		px := socktest.NewProxy(t, hello(t).Addr(), socktest.Seed(7))
		px.Inject(socktest.ResetAt(socktest.Downstream, 93))
		client := socktest.Dial(t, px.Addr())
		client.Want("hello")
		client.WantEOF()
		client.Close()
	})
	wantSaid(t, tb, true,
		"the injection reset direction=downstream at.byte=93 never struck, so that the test proves nothing (if it may miss, call Maybe on it)\nconnection 1 carried 0 bytes upstream and 5 bytes downstream; FIN downstream after 5 bytes",
		"\nit was injected at socktest_test.go:",
		"seed 7; to run the test again: HARNESS_SEED=7 go test -run '^TestX$'")
	if want := []string{"harness.replay=HARNESS_SEED=7 go test -run '^TestX$'"}; fmt.Sprint(tb.attrs) != fmt.Sprint(want) {
		t.Errorf("got attributes %q, want %q", tb.attrs, want)
	}
}

func TestUnstruckInjectionOfUnusedProxyFails(t *testing.T) {
	tb := play(func(t testing.TB) {
		px := socktest.NewProxy(t, "127.0.0.1:1")
		px.Inject(socktest.Latency(socktest.Upstream, time.Millisecond)).Remove()
	})
	wantSaid(t, tb, true, "never struck", "no client has connected to the proxy")
}

func TestMaybeAndFailedTestsDoNotAskForStrikes(t *testing.T) {
	wantSaid(t, play(func(t testing.TB) {
		socktest.NewProxy(t, "127.0.0.1:1").Inject(socktest.ResetAt(socktest.Upstream, 5)).Maybe()
	}), false)
	tb := play(func(t testing.TB) {
		socktest.NewProxy(t, "127.0.0.1:1").Inject(socktest.ResetAt(socktest.Upstream, 5))
		t.Fatal("something else")
	})
	wantSaid(t, tb, true, "something else", "injection reset direction=upstream at.byte=5 (struck 0 connections)")
	if strings.Contains(tb.said(), "never struck") {
		t.Errorf("got a second failure: %s", tb.said())
	}
	if tb := play(func(t testing.TB) {
		socktest.NewProxy(t, "127.0.0.1:1").Inject(socktest.ResetAt(socktest.Upstream, 5))
		t.Skip()
	}); tb.said() != "" {
		t.Errorf("a skipped test has said %s", tb.said())
	}
}

func TestMistakesFailTheTest(t *testing.T) {
	for want, call := range map[string]func(t testing.TB){
		"upstream: missing port":                   func(t testing.TB) { socktest.NewProxy(t, "localhost") },
		"takes datagrams: use NewPacketProxy":      func(t testing.TB) { socktest.NewProxy(t, "udp:127.0.0.1:1") },
		"upstream: port":                           func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1").SetUpstream("127.0.0.1:0") },
		"option Within is not one of this call":    func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1", socktest.Within(1)) },
		"option Listen: missing port":              func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1", socktest.Listen("x")) },
		"an option is the zero Option":             func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1", socktest.Option{}) },
		"the script is nil":                        func(t testing.TB) { socktest.NewServer(t, nil) },
		"must be above 0, got -1s":                 func(t testing.TB) { socktest.Dial(t, "127.0.0.1:1", socktest.Within(-time.Second)) },
		"dial x: missing port":                     func(t testing.TB) { socktest.Dial(t, "x") },
		"at.byte must be at least 0, got -1":       inject(socktest.ResetAt(socktest.Downstream, -1)),
		`toxic type "delay" is unknown`:            inject(socktest.Toxic(socktest.Downstream, "delay", nil)),
		"connections are numbered from 1":          inject(socktest.ResetAt(socktest.Downstream, 1).On(0)),
		"share of the connections must be above 0": inject(socktest.ResetAt(socktest.Downstream, 1).Sometimes(0)),
		"call Refuse of the proxy instead":         inject(socktest.Toxic(socktest.Upstream, "refuse", nil)),
		"with the option Faults":                   inject(socktest.Toxic(socktest.Upstream, "small_window", nil)),
		"must be written key=value":                inject(socktest.ParseFault("latency jitter")),
		"want one at most":                         inject(socktest.Latency(socktest.Upstream, 1, 1, 1)),
		"numbered from 1, got 0":                   func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1").Conn(0) },
		`can be ended by FIN or RST, got "open"`:   func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1").CloseAll(socktest.Open) },
	} {
		tb := play(call)
		wantSaid(t, tb, true, want)
		if lines := strings.Count(tb.said(), "never struck"); lines > 0 {
			t.Errorf("%s: a second failure: %s", want, tb.said())
		}
	}
}

func inject(f socktest.Fault) func(testing.TB) {
	return func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1").Inject(f) }
}

func TestBadSeedInEnvironment(t *testing.T) {
	t.Setenv("HARNESS_SEED", "seven")
	wantSaid(t, play(func(t testing.TB) { socktest.NewProxy(t, "127.0.0.1:1") }), true, `$HARNESS_SEED must be a whole number, got "seven"`)
}

// The same seed gives the same connections the fault, in each run.
func TestSeedDecidesWhatIsRandom(t *testing.T) {
	t.Setenv("HARNESS_SEED", "42")
	struck := func(seed ...socktest.Option) (pattern string) {
		wantSaid(t, play(func(t testing.TB) {
			px := socktest.NewProxy(t, hello(t).Addr(), seed...)
			px.Inject(socktest.HalfCloseAt(socktest.Downstream, 1).Sometimes(0.5))
			for range 12 {
				got, _ := socktest.Dial(t, px.Addr()).ReadAll()
				pattern += fmt.Sprint(len(got))
			}
		}), false)
		return pattern
	}
	first := struck()
	if again := struck(); again != first {
		t.Errorf("got %s, then %s with the same seed", first, again)
	}
	if same := struck(socktest.Seed(42)); same != first {
		t.Errorf("got %s, want %s: Seed and $HARNESS_SEED mean the same", same, first)
	}
	if other := struck(socktest.Seed(43)); other == first {
		t.Errorf("got %s for two seeds", first)
	}
}

func TestFailuresOfVerbs(t *testing.T) {
	for want, script := range map[string]func(c *socktest.Peer){
		"want: the bytes from byte 2 of the stream differ\n":                                         func(c *socktest.Peer) { c.Want("he"); c.Want("xyz") },
		`the other side ended the stream by FIN after 5 of 6 bytes (byte 5 of the stream): got "hel`: func(c *socktest.Peer) { c.Want("hello!") },
		"next: the other side ended the stream by FIN after 5 of 9 bytes":                            func(c *socktest.Peer) { c.Next(9) },
		`want FIN: got more bytes at byte 0 of the stream: "hello"`:                                  func(c *socktest.Peer) { c.WantEOF() },
		`want silence for 30s: got "hello" after`:                                                    func(c *socktest.Peer) { c.WantSilence(30 * time.Second) },
		`want silence: got "llo"`:                                                                    func(c *socktest.Peer) { c.Want("he"); c.WantSilence(time.Millisecond) },
		"want silence: the stream has ended with FIN":                                                func(c *socktest.Peer) { c.Want("hello"); c.WantEOF(); c.WantSilence(time.Millisecond) },
		"socktest: client (sent 0 bytes, received 5 bytes, then: FIN)":                               func(c *socktest.Peer) { c.Want("hello!") },
	} {
		tb := play(func(t testing.TB) { script(socktest.Dial(t, hello(t).Addr())) })
		wantSaid(t, tb, true, want)
	}
	tb := play(func(t testing.TB) {
		silent := socktest.NewServer(t, func(c *socktest.Peer) { c.WantEOF() })
		socktest.Dial(t, silent.Addr(), socktest.Within(time.Second)).WantReset()
	})
	wantSaid(t, tb, true, "want RST: nothing came for 1s")
}

func TestServerScripts(t *testing.T) {
	tb := play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PING\n"); c.Send("PONG\n") })
		client := socktest.Dial(t, server.Addr())
		client.Send("PUNG\n")
		client.WantEOF()
	})
	wantSaid(t, tb, true, "socktest: server's peer 1 (sent 0 bytes, received 5 bytes, then: open): want: the bytes from byte 0 of the stream differ")

	tb = play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { panic("ouch") })
		socktest.Dial(t, server.Addr()).WantEOF()
	})
	wantSaid(t, tb, true, "the script of connection 1 panicked: ouch", "socktest_test.go")

	// What faults do to a script is no failure.
	wantSaid(t, play(func(t testing.TB) {
		ended := make(chan socktest.Ending, 1)
		server := socktest.NewServer(t, func(c *socktest.Peer) {
			defer func() { ended <- c.Ending() }()
			for {
				c.Want("PING\n")
				c.Send("PONG\n")
			}
		})
		client := socktest.Dial(t, server.Addr())
		client.Send("PING\n")
		client.Want("PONG\n")
		client.Close()
		if e := <-ended; e != socktest.FIN {
			t.Errorf("got %s, want FIN", e)
		}
		client = socktest.Dial(t, server.Addr())
		client.Send("PI")
		client.Reset()
		if e := <-ended; e != socktest.RST {
			t.Errorf("got %s, want RST", e)
		}
	}), false)
}

func TestUnixSockets(t *testing.T) {
	dir, err := os.MkdirTemp("", "st")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	at := func(name string) socktest.Option { return socktest.Listen("unix:" + filepath.Join(dir, name)) }
	wantSaid(t, play(func(t testing.TB) {
		server := socktest.NewServer(t, func(c *socktest.Peer) { c.Want("PING\n"); c.Send("PO", "NG\n") }, at("server"))
		px := socktest.NewProxy(t, server.Addr(), at("proxy"))
		cut := px.Inject(socktest.HalfCloseAt(socktest.Downstream, 3))
		client := socktest.Dial(t, px.Addr())
		client.Send("PI", "NG\n")
		client.Want("PON")
		client.WantEOF()
		px.Refuse()
		if _, err := px.DialContext(t.Context(), "", ""); socktest.EndingOf(err) != socktest.Refused {
			t.Errorf("got %v, want a refused connect", err)
		}
		if cut.Hits() != 1 {
			t.Errorf("got %v", cut)
		}
	}), false)
	if left := files(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Played peers speak TLS, with each other through a proxy that does too, and with
// others; pieces are verified as those of plain bytes are.
func TestPlayedPeersSpeakTLS(t *testing.T) {
	server := socktest.NewServer(t, func(c *socktest.Peer) {
		c.Want("hello\n")
		c.Send("HEL", "LO\n")
		c.WantEOF()
	}, socktest.TLS())
	px := socktest.NewProxy(t, server.Addr(), socktest.TLS())
	client := socktest.Dial(t, px.Addr(), socktest.TLS())
	client.Send("hel", "lo\n")
	client.Want("HELLO\n")
	client.CloseWrite()
	client.WantEOF()
	if got := px.Conn(1).Data(socktest.Downstream); string(got) != "HELLO\n" {
		t.Errorf("the proxy has seen %q, want the plaintext", got)
	}

	conn, err := tls.Dial("tcp", server.Addr(), &tls.Config{RootCAs: server.CertPool()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "HELLO\n" || err != nil {
		t.Errorf("a stranger's client read %q, %v", got, err)
	}
}
