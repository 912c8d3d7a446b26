package explorecmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/report"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
)

// recordFlags is what the user asked `harness record` for.
type recordFlags struct {
	listen, upstream string
	server, client   string
	pcap             string
	port             int
	times            int
	name             string
	framing          string
	redact           []string
	output           string
	startTimeout     time.Duration
	tls              tlsFlags

	expressions []*regexp.Regexp
}

func newRecord() *cobra.Command {
	f := &recordFlags{}
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Write a dialogue from live conversations or a pcap file",
		Long: `Record writes what a client and a server send each other as a dialogue, for
"harness run" and "harness explore".

It forwards connections to --upstream and records them. Point your client at the
address that it prints. It ends after --times conversations, or at ^C. With --client it
starts the client itself. With --pcap it reads a pcap or pcapng file. With --tls it
terminates TLS on both sides and records the plaintext; {ca} in --client is the
certificate to trust.

From several conversations (--times 3) it infers how messages are framed, who speaks
first, who closes first, and which bytes differ from one to the next. It says what it
found. Then it runs the dialogue with the server once, and says which byte differs.

Exit status: 0 written, 1 written, but the server answered differently afterwards,
2 usage, 3 nothing could be recorded, 130 interrupted before the first conversation.`,
		Example: `  harness record --upstream 127.0.0.1:6379 --listen 127.0.0.1:7000 --times 3 -o redis.yaml
  harness record --upstream 127.0.0.1:6379 --client 'redis-cli -h {host} -p {port} PING'
  harness record --pcap capture.pcapng --port 6379 -o redis.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "`ADDRESS` that clients connect to: HOST:PORT or unix:PATH")
	flags.StringVar(&f.upstream, "upstream", "", "`ADDRESS` of the server: HOST:PORT or unix:PATH")
	flags.StringVar(&f.server, "server", "", "start this `COMMAND` as the server")
	flags.StringVar(&f.client, "client", "", "run this `COMMAND` as the client, once for each conversation; {host} {port} {addr} are replaced")
	flags.StringVar(&f.pcap, "pcap", "", "read `FILE`, pcap or pcapng")
	flags.IntVar(&f.port, "port", 0, "of --pcap: `PORT` of the server")
	flags.IntVar(&f.times, "times", 1, "`N` conversations")
	flags.StringVar(&f.name, "name", "", "`NAME` of the dialogue (default: that of the output, else recorded)")
	flags.StringVar(&f.framing, "framing", "", "`FRAMING`, such as line or '{length-prefix: 4}' (default: inferred)")
	flags.StringArrayVar(&f.redact, "redact", nil, "replace what matches `REGEX` by x, byte for byte (repeatable)")
	flags.StringVarP(&f.output, "output", "o", "-", "write to `FILE`; - is standard output")
	flags.DurationVar(&f.startTimeout, "start-timeout", defaultStartTimeout, "`TIME` until a server must listen")
	f.tls.register(flags)
	return cmd
}

func (f *recordFlags) checkFlags() error {
	if err := f.tls.check(); err != nil {
		return err
	}
	sources := 0
	for _, one := range []string{f.upstream, f.server, f.pcap} {
		if one != "" {
			sources++
		}
	}
	switch {
	case sources != 1:
		return cli.UsageErrorf("give one of --upstream, --server and --pcap: where the conversation comes from")
	case f.pcap != "" && f.client != "":
		return cli.UsageErrorf("--pcap and --client exclude each other")
	case f.pcap != "" && f.tls.on:
		return cli.UsageErrorf("--pcap and --tls exclude each other: what was captured is encrypted; record it live")
	case f.port < 0 || f.port > 65535:
		return cli.UsageErrorf("--port %d: want 1 to 65535", f.port)
	case f.times < 1 || f.times > 1000:
		return cli.UsageErrorf("--times %d: want 1 to 1000", f.times)
	}
	for _, text := range f.redact {
		re, err := regexp.Compile(text)
		if err != nil {
			return cli.UsageErrorf("--redact %q: %v", text, err)
		}
		f.expressions = append(f.expressions, re)
	}
	if f.name == "" {
		f.name = "recorded"
		if f.output != "-" {
			f.name = strings.TrimSuffix(filepath.Base(f.output), filepath.Ext(f.output))
		}
	}
	return cli.CheckWritable("output", f.output)
}

func (f *recordFlags) run(cmd *cobra.Command) error {
	if err := f.checkFlags(); err != nil {
		return err
	}
	ctx, _, stop := cli.NotifyInterrupts(cmd.Context())
	defer stop()
	r := &recording{flags: f, stderr: cmd.ErrOrStderr(), out: cmd.OutOrStdout()}
	if f.pcap != "" {
		all, err := capture.ReadFile(f.pcap, f.port)
		if err != nil {
			if errors.Is(err, capture.ErrUnusable) {
				return cli.HarnessErrorf("%w", err)
			}
			return cli.UsageErrorf("--pcap %s: %v", f.pcap, cli.UnderlyingOSError(err))
		}
		_, err = r.write(all)
		return err
	}
	return r.live(ctx)
}

// A recording is one run of `harness record`.
type recording struct {
	flags         *recordFlags
	certification *scenario.Certification // of the server; nil: not over TLS
	own           *scenario.Certification // of harness as the server
	stderr        io.Writer
	out           io.Writer
}

func (r *recording) note(format string, args ...any) {
	fmt.Fprintf(r.stderr, "%s\n", sanitize(fmt.Sprintf(format, args...)))
}

// live records through a relay.
func (r *recording) live(ctx context.Context) error {
	dir, err := cli.NewRunDir()
	if err != nil {
		return err
	}
	defer dir.Remove()
	upstream := r.flags.upstream
	target, err := r.flags.target()
	if err != nil {
		return err
	}
	if err := r.certify(target, dir.Path); err != nil {
		return err
	}
	if r.flags.server != "" {
		server, err := r.startServer(ctx, dir.Path)
		if err != nil {
			return err
		}
		defer server.Close()
		upstream = server.ListenAddr().String()
	}
	asServer, _ := configs(r.own)
	_, asClient := configs(r.certification)
	relay, err := capture.StartTLSRelay(r.flags.listen, upstream, asServer, asClient)
	if err != nil {
		return cli.UsageErrorf("--listen %s: %v", r.flags.listen, err)
	}
	defer relay.Close()
	if r.flags.client == "" {
		r.note("listening on %s, server %s, conversations to record: %d; ^C ends", relay.Addr(), upstream, r.flags.times)
		if c := r.own; c != nil {
			r.note("clients trust %s", c.Files.CA)
		}
	} else if err := r.runClients(ctx, relay.Addr(), dir.Path); err != nil {
		return err
	}
	all, err := relay.WaitConversations(ctx, r.flags.times)
	if err != nil {
		if ctx.Err() != nil {
			return cli.ExitError{Code: outcome.ExitInterrupted, Err: err}
		}
		return cli.HarnessErrorf("%w", err)
	}
	text, err := r.write(all)
	if err != nil || len(r.flags.redact) > 0 {
		return err
	}
	return r.verify(context.WithoutCancel(ctx), text, upstream)
}

// certify reads or makes the certificates. A server that runs already has one that harness
// does not, and clients see one that harness has made.
func (r *recording) certify(t scenario.Target, tmp string) (err error) {
	if r.certification, err = r.flags.tls.certify(t, tmp); err != nil {
		return err
	}
	r.own = r.certification
	if r.certification != nil && r.flags.upstream != "" && r.flags.tls.files.Certificate == "" {
		made := tlsFlags{on: true}
		r.own, err = made.certify(scenario.Target{}, tmp)
	}
	return err
}

// target is what is recorded.
func (f *recordFlags) target() (t scenario.Target, err error) {
	t.Server.Address = f.upstream
	if t.Server.Command, err = parseWords("--server", f.server); err != nil {
		return t, err
	}
	t.Client.Command, err = parseWords("--client", f.client)
	return t, err
}

// parseWords returns the words of a command; none where it is empty.
func parseWords(flag, command string) ([]string, error) {
	if command == "" {
		return nil, nil
	}
	words, err := peer.ParseCommand(command)
	if err != nil {
		return nil, cli.UsageErrorf("%s: %v", flag, err)
	}
	return words, nil
}

func (r *recording) startServer(ctx context.Context, tmp string) (*peer.Process, error) {
	words, err := parseWords("--server", r.flags.server)
	if err != nil {
		return nil, err
	}
	p, err := peer.Command{Args: r.certification.ExpandWords(words), StartTimeout: r.flags.startTimeout}.StartServer(ctx, peer.Vars{Tmp: tmp})
	if err != nil {
		return nil, cli.HarnessErrorf("%w", err)
	}
	return p, nil
}

// clientTime is how long a client may run that is recorded.
const clientTime = 30 * time.Second

func (r *recording) runClients(ctx context.Context, addr, tmp string) error {
	words, err := parseWords("--client", r.flags.client)
	if err != nil {
		return err
	}
	vars := peer.VarsAt(addr)
	vars.Tmp = tmp
	for range r.flags.times {
		p, err := peer.Command{Args: r.own.ExpandWords(words)}.StartClient(ctx, vars)
		if err != nil {
			return cli.HarnessErrorf("%w", err)
		}
		limited, cancel := context.WithTimeout(ctx, clientTime)
		exit, err := p.WaitExit(limited)
		cancel()
		p.Close()
		switch {
		case ctx.Err() != nil:
			return cli.ExitError{Code: outcome.ExitInterrupted}
		case err != nil:
			return cli.HarnessErrorf("the client had not ended after %s; give it less to do", clientTime)
		case exit.Code != 0:
			r.note("the client %s", exit)
		}
	}
	return nil
}

// write makes the dialogue, and says what it found.
func (r *recording) write(all []capture.Conversation) ([]byte, error) {
	text, notes, err := capture.WriteDialogue(r.flags.name, all, capture.Options{Framing: r.flags.framing, Redact: r.flags.expressions})
	for _, n := range notes {
		r.note("%s", n)
	}
	if err != nil {
		return nil, cli.HarnessErrorf("%w", err)
	}
	if r.flags.output == "-" {
		if _, err := r.out.Write(text); err != nil {
			return nil, cli.HarnessErrorf("%w", err)
		}
		return text, nil
	}
	err = report.WriteFile(r.flags.output, func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(text)); return err })
	if err != nil {
		return nil, cli.ExitError{Code: outcome.ExitHarness, Err: err}
	}
	r.note("wrote %s", r.flags.output)
	return text, nil
}

// verify holds the dialogue with the server once.
func (r *recording) verify(ctx context.Context, text []byte, upstream string) error {
	d, err := dialogue.Parse(r.flags.name+".yaml", text)
	if err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	script, err := d.ResolveScript(seed.New(defaultSeed))
	if err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	network, address, err := sock.ParseAddress(upstream)
	if err != nil {
		return cli.HarnessErrorf("the dialogue cannot be tried: %w", err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return cli.HarnessErrorf("the dialogue cannot be tried: %w", err)
	}
	secured, err := r.certification.Secure(ctx, conn.(sock.Conn), nil, event.Client)
	if err != nil {
		return cli.HarnessErrorf("the dialogue cannot be tried: %w", err)
	}
	played := script.PlayClient(ctx, secured, dialogue.Options{})
	if err := played.Err(); err != nil {
		r.note("the server does not keep to it: %v", err)
		return cli.ExitError{Code: outcome.ExitVerdicts}
	}
	r.note("tried: the server keeps to it")
	return nil
}
