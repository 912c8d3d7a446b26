package explorecmd

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// answerTime is how long the other side of a dialogue may take.
const answerTime = 10 * time.Second

// replayDialogue is one side of a dialogue; the other one is a program at an address.
func (f *replayFlags) replayDialogue(cmd *cobra.Command, path string) error {
	if f.against != "" && f.listen != "" {
		return cli.UsageErrorf("--against and --listen exclude each other")
	}
	if f.times < 1 {
		return cli.UsageErrorf("--times %d: want at least 1", f.times)
	}
	d, err := dialogue.LoadFile(path)
	if err != nil {
		return cli.UsageErrorf("%v", err)
	}
	if f.listen != "" {
		if err := d.PlayableAs(event.Server); err != nil {
			return cli.UsageErrorf("%v", err)
		}
	}
	if err := f.tls.check(); err != nil {
		return err
	}
	said := replayedDialogue{replayFlags: f}
	if err := said.resolve(d); err != nil {
		return cli.UsageErrorf("%v", err)
	}
	dir, err := cli.NewRunDir()
	if err != nil {
		return err
	}
	defer dir.Remove()
	f.tls.on = f.tls.on || said.before != nil || d.SecuresData()
	if said.certification, err = f.tls.certify(scenario.Target{Server: scenario.Peer{Address: f.against}}, dir.Path); err != nil {
		return err
	}
	if c := said.certification; c != nil {
		c.Resumes, said.script = d.SecuresData(), said.script.WithDataSecurity(c.SecureData)
	}
	ctx, _, stop := cli.NotifyInterrupts(cmd.Context())
	defer stop()
	out := cli.NewTerminal(cmd, false)
	if f.listen != "" {
		return said.beServer(ctx, out)
	}
	return said.beClient(ctx, out)
}

// A replayedDialogue is a dialogue of which harness is one side.
type replayedDialogue struct {
	*replayFlags
	before        *dialogue.Script // what is said before TLS; nil: nothing
	script        *dialogue.Script
	certification *scenario.Certification // nil: not over TLS
}

// resolve fixes what is said, before TLS and then.
func (f *replayedDialogue) resolve(d *dialogue.Dialogue) (err error) {
	before, rest := d.SplitTLS()
	if before != nil {
		if f.before, err = before.ResolveScript(seed.New(f.seed)); err != nil {
			return err
		}
	}
	f.script, err = rest.ResolveScript(seed.New(f.seed))
	return err
}

func (f *replayedDialogue) beClient(ctx context.Context, out cli.Terminal) error {
	began, s := time.Now(), f.script
	for i := range f.times {
		limited, cancel := context.WithTimeout(ctx, answerTime)
		var d net.Dialer
		conn, err := d.DialContext(limited, "tcp", f.against)
		if err != nil {
			cancel()
			return cli.HarnessErrorf("--against %s: %w", f.against, err)
		}
		secured, err := f.certification.Secure(limited, conn.(sock.Conn), f.before, event.Client)
		if err != nil {
			cancel()
			return cli.HarnessErrorf("--against %s: %w", f.against, err)
		}
		played := s.PlayClient(limited, secured, dialogue.Options{})
		cancel()
		if err := played.Err(); err != nil {
			return tellDialogue(ctx, out, fmt.Sprintf("conversation %d of %d: %v", i+1, f.times, err))
		}
	}
	took := time.Since(began)
	out.Printf("OK %s as %s says (%.0f exchanges a second)\n", plural.Count(f.times, "conversation"), s.Name, float64(f.times*len(s.Steps))/took.Seconds())
	return out.Err()
}

func (f *replayedDialogue) beServer(ctx context.Context, out cli.Terminal) error {
	s := f.script
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return cli.HarnessErrorf("--listen %s: %w", f.listen, err)
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	out.Printf("listening on %s\n", l.Addr())
	if c := f.certification; c != nil {
		out.Printf("clients trust %s\n", c.Files.CA)
	}
	for i := range f.times {
		conn, err := l.Accept()
		if err != nil {
			return cli.ExitError{Code: outcome.ExitInterrupted}
		}
		limited, cancel := context.WithTimeout(ctx, answerTime)
		secured, err := f.certification.Secure(limited, conn.(sock.Conn), f.before, event.Server)
		if err != nil {
			cancel()
			return tellDialogue(ctx, out, fmt.Sprintf("conversation %d of %d: %v", i+1, f.times, err))
		}
		played := s.PlayServer(limited, secured, dialogue.Options{})
		cancel()
		if err := played.Err(); err != nil {
			return tellDialogue(ctx, out, fmt.Sprintf("conversation %d of %d: %v", i+1, f.times, err))
		}
	}
	out.Printf("OK %s as %s says\n", plural.Count(f.times, "conversation"), s.Name)
	return out.Err()
}

func tellDialogue(ctx context.Context, out cli.Terminal, text string) error {
	if ctx.Err() != nil {
		return cli.ExitError{Code: outcome.ExitInterrupted}
	}
	out.Printf("FAILED %s\n", sanitize(text))
	return cli.ExitError{Code: outcome.ExitVerdicts}
}
