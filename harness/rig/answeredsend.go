package rig

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/tlsconn"
)

// An answeredSend makes one send of a client short by answering it (seccomp user notification).
type answeredSend struct {
	scenario.ShortSend
	rig *rig
	to  string // where the client connects

	mu        sync.Mutex            // guards what follows
	armed     bool                  // the next send is the one
	request   *tlsconn.RequestWatch // the first send over TLS with application data is the one; nil: none is for that
	version13 bool                  // the client offers TLS 1.3, and so gets it
	done      bool                  // the send was made short, or could not be
	other     error                 // why it could not be made short; nil: it could
}

// arm has the next send of the client be short.
func (s *answeredSend) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = true
}

// seeHello is for [tls.Config].GetConfigForClient: it learns the version before the client goes on.
func (s *answeredSend) seeHello(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version13 = slices.Contains(hello.SupportedVersions, tls.VersionTLS13)
	return nil, nil
}

// handshakeBytes is more than a client sends before its first request, and the header of that.
const handshakeBytes = 64 << 10

// takeOf is for [peer.Command].OnSend.
func (s *answeredSend) takeOf(send peer.Send) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done || send.To != s.to {
		return 0
	}
	if s.request != nil && s.request.Look(send.Peek(handshakeBytes), s.version13) {
		s.armed = true
	}
	if !s.armed || send.Bytes < 2 {
		return 0
	}
	s.done = true
	if send.Blocks != s.Interrupted {
		s.other = s.wrongSocket(send)
		return 0
	}
	s.Room = min(s.Room, send.Bytes-1)
	how := "seccomp user notification"
	if s.Interrupted {
		how = "as if a signal had interrupted it, by " + how
	}
	s.rig.ReportStruck(fmt.Sprintf("a send of the client took %s of %d: %s", plural.Count(s.Room, "byte"), send.Bytes, how))
	return s.Room
}

// wrongSocket says which scenario is for such a socket.
func (s *answeredSend) wrongSocket(send peer.Send) error {
	if send.Blocks {
		return fmt.Errorf("%w: the client's socket blocks, so its send() is short only if a signal interrupts it; see partialsend/interrupted-send", scenario.ErrUnsupported)
	}
	return fmt.Errorf("%w: the client's socket does not block, so there is no send to interrupt; see partialsend/short-write", scenario.ErrUnsupported)
}

// answerShortRequest runs the client against a server of ours, and answers one of its sends.
func (a *rig) answerShortRequest(ctx context.Context, spec scenario.ShortSend) error {
	b := a.setup.testbed
	script := b.script
	if script == nil {
		return errNoDialogue
	}
	l, err := b.config.Shared.book.listen(ctx, b.transport())
	if err != nil {
		return err
	}
	s := &answeredSend{ShortSend: spec, rig: a, to: listenerAddress(l)}
	if first := !scenario.FollowsReply(script, spec.Exchange); first && b.tls != nil {
		s.request = &tlsconn.RequestWatch{}
	} else {
		s.armed = first
	}
	process, accepted, stop, err := a.admitClient(ctx, l, ClientOptions{Address: s.to, OnSend: s.takeOf})
	if err != nil {
		return err
	}
	defer stop()
	conn, err := b.tls.SecureServer(ctx, accepted, b.before, s.seeHello)
	if err != nil {
		return err
	}
	played := script.PlayServer(ctx, conn, dialogue.Options{BeforeReply: func(i int) error {
		if i == spec.Exchange-1 {
			s.arm()
		}
		return nil
	}})
	return s.judge(ctx, process, played, len(script.Steps))
}

// judge tells what became of the conversation and of the client.
func (s *answeredSend) judge(ctx context.Context, process *peer.Process, played dialogue.Played, steps int) error {
	s.mu.Lock()
	done, other, room := s.done, s.other, s.Room
	s.mu.Unlock()
	after := fmt.Sprintf("after a send of the client took %s of its request", plural.Count(room, "byte"))
	switch {
	case other != nil:
		return other
	case !done && played.Steps < steps:
		return fmt.Errorf("before a send was made short: %s", played.Incomplete)
	case !done:
		return fmt.Errorf("%w: the client sends its request byte by byte, or by a call that is not answered (sendmmsg, sendfile, io_uring)", scenario.ErrUnsupported)
	}
	if err := checkPlayed(ctx, after, played, steps); err != nil {
		return err
	}
	return s.rig.judgeClient(ctx, process, after)
}
