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
	"github.com/sockharness/harness/harness/seed"
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
	script, err := d.ResolveScript(seed.New(f.seed))
	if err != nil {
		return cli.UsageErrorf("%v", err)
	}
	ctx, _, stop := cli.NotifyInterrupts(cmd.Context())
	defer stop()
	out := cli.NewTerminal(cmd, false)
	if f.listen != "" {
		return f.beServer(ctx, out, script)
	}
	return f.beClient(ctx, out, script)
}

func (f *replayFlags) beClient(ctx context.Context, out cli.Terminal, s *dialogue.Script) error {
	began := time.Now()
	for i := range f.times {
		limited, cancel := context.WithTimeout(ctx, answerTime)
		var d net.Dialer
		conn, err := d.DialContext(limited, "tcp", f.against)
		if err != nil {
			cancel()
			return cli.HarnessErrorf("--against %s: %w", f.against, err)
		}
		played := s.PlayClient(limited, conn.(*net.TCPConn), dialogue.Options{})
		cancel()
		if err := played.Err(); err != nil {
			return tellDialogue(ctx, out, fmt.Sprintf("conversation %d of %d: %v", i+1, f.times, err))
		}
	}
	took := time.Since(began)
	out.Printf("OK %s as %s says (%.0f exchanges a second)\n", plural.Count(f.times, "conversation"), s.Name, float64(f.times*len(s.Steps))/took.Seconds())
	return out.Err()
}

func (f *replayFlags) beServer(ctx context.Context, out cli.Terminal, s *dialogue.Script) error {
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return cli.HarnessErrorf("--listen %s: %w", f.listen, err)
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	out.Printf("listening on %s\n", l.Addr())
	for i := range f.times {
		conn, err := l.Accept()
		if err != nil {
			return cli.ExitError{Code: outcome.ExitInterrupted}
		}
		limited, cancel := context.WithTimeout(ctx, answerTime)
		played := s.PlayServer(limited, conn.(*net.TCPConn), dialogue.Options{})
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
