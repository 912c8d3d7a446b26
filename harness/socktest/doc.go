// Package socktest puts faults at exact bytes between a client and a server in a Go
// test, and fails the test when a fault did not happen. It works with package testing,
// with Ginkgo (pass GinkgoTB()) and with whatever has a testing.TB.
//
//	px := socktest.NewProxy(t, server.Addr())                   // closed when the test ends
//	cut := px.Inject(socktest.ResetAt(socktest.Downstream, 93)) // RST inside the reply
//	_, err := fetch(ctx, px.Addr())
//	if !errors.Is(err, io.ErrUnexpectedEOF) { … }               // the client must say so
//	if cut.Hits() != 1 { … }                                    // on how many connections it has happened
//	px.Conn(1).Ends()                                           // RST downstream after 93 bytes, by the proxy
//
// # Proxies
//
// [NewProxy] is in front of any server: one of the test, a process, a container. It
// passes on every byte, half-close and reset until it is told otherwise, and faults come
// and go while connections are open.
//
//	stall := px.Inject(socktest.StallAt(socktest.Upstream, 0).AfterText("COMMIT").On(2))
//	err = stall.Wait(ctx)          // until it has struck the second connection
//	stall.Remove()                 // what it has held back flows on
//	px.CloseAll(socktest.RST)      // ends what is open, and the client
//	err = px.Conn(3).WaitMade(ctx) // has to connect again
//	px.SetUpstream(other.Addr())   // where new connections go
//	px.Refuse()                    // or px.BlackHole(), until px.Accept()
//
// A fault begins at a byte, behind a text, at a message or after a time ([Fault.AtByte],
// [Fault.AfterText], [Fault.AfterOpposite], [Fault.AtFrame], [Fault.AfterTime]), on all
// connections or some ([Fault.On], [Fault.Sometimes]). [Proxy.Partition], [Proxy.FailNext]
// and [Proxy.RefuseFor] disturb the whole proxy until [Proxy.Heal]. [Proxy.Conn] tells
// what became of each connection.
//
// # Played peers
//
// [NewServer] and [Dial] play one end by a script of verbs. [Peer.Send] sends pieces,
// each of which leaves when the other process has read the one before.
//
//	server := socktest.NewServer(t, func(c *socktest.Peer) {
//		c.Want("GET /\r\n")
//		c.Send("5\r\n", "hel", "lo")
//	})
//
// Both speak TLS with the option [TLS], as a proxy does.
//
// # Datagrams
//
// [NewPacketProxy] is the same for UDP. Its faults lose, repeat, swap, cut and delay
// datagrams ([Drop], [Duplicate], [Reorder], [Truncate], [Latency], [Fault.AtDatagram]);
// [PacketProxy.Client] tells what became of each client's. [NewPacketServer] and
// [DialPacket] are played peers.
//
//	lost := px.Inject(socktest.Drop(socktest.Downstream).AtDatagram(1))
//
// # What is kept of a failed test
//
// With go test -artifacts the folder of the test's artifacts gets replay.txt, the command
// that runs the test again, and a pcapng file of what passed each of its newest
// three proxies on both sides, with comments where faults have struck.
//
// # What it costs
//
// A proxy with a toxic, from NewProxy to the first byte and closed, takes 0.7 ms of
// processor time, the same by Toxiproxy's client with its server in the process 2.1 ms.
// [EachOffset] with a reset at each byte takes 0.6 ms an offset. cmd/bench/README.md
// has the table. What proxies share is opened with the first one of a test, and closed when
// no test has one any more.
//
// # What is promised
//
// Within a major version names, signatures and meanings stay. Texts of failures, of
// String and of events may change, and kinds of events may be added.
//
// A test that ends, fails or panics leaves no goroutine, descriptor, port or process, and
// one that dies of the timeout of go test no process.
// A test may be parallel, run several times and in any order. What is random comes
// from one seed: the option [Seed], else $HARNESS_SEED, else Ginkgo's seed, else a
// random one; a test that fails prints it with the command that runs it again.
//
// The sockets are real: in a bubble of testing/synctest they block the clock.
//
// Matchers for Gomega are in package match. This package imports no more of Gomega
// than the buffers of gbytes, and nothing of Ginkgo.
package socktest
