package mutate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"syscall"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// A Spec is what the process that stands in for a program must know. It travels as a file.
type Spec struct {
	Mutation string           `json:"mutation"`          // name of the mutation
	Role     scenario.Role    `json:"role"`              // which peer it stands in for
	Command  peer.Command     `json:"command"`           // of the program
	Address  string           `json:"address,omitempty"` // of a server that runs already, instead of a command
	Framing  dialogue.Framing `json:"framing"`           // where messages end
	Log      string           `json:"log,omitempty"`     // file that gets a line for each act
	Words    []string         `json:"words,omitempty"`   // of the command, such as {tmp}, whose values Main is given
}

// WriteFile writes the spec as JSON.
func (s Spec) WriteFile(path string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("mutant encode: %w", err)
	}
	return os.WriteFile(path, text, 0o600)
}

// readSpec reads the spec of a file.
func readSpec(path string) (Spec, error) {
	var s Spec
	text, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("mutant read: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("mutant decode: %w", err)
	}
	return s, nil
}

// failedStatus is the exit status of a mutant that could not do its work.
const failedStatus = 70

// Main is the process that stands in for the program that the spec in the file names: a
// server that listens on host and port, or a client that connects there. Values are those of
// the spec's words. It blocks until the program has ended, or for an address until SIGTERM, and
// returns the exit status.
func Main(path, host, port string, values []string, stdout, stderr io.Writer) int {
	s, err := readSpec(path)
	if err == nil {
		err = s.replaceWords(values)
	}
	if err == nil {
		var code int
		if code, err = s.run(net.JoinHostPort(host, port), stdout, stderr); err == nil {
			return code
		}
	}
	fmt.Fprintln(stderr, "mutant:", err)
	return failedStatus
}

// words matches what a command asks for in braces.
var words = regexp.MustCompile(`\{[a-z][a-z0-9._-]*\}`)

// WordsOf returns the words of a command whose values only the run knows that starts the mutant,
// such as {tmp} and the address of a service.
func WordsOf(c peer.Command) []string {
	own := []string{"{host}", "{port}", "{addr}"} // the relay has its own
	var all []string
	for _, text := range slices.Concat(c.Args, c.Env) {
		for _, word := range words.FindAllString(text, -1) {
			if !slices.Contains(own, word) && !slices.Contains(all, word) {
				all = append(all, word)
			}
		}
	}
	return all
}

// replaceWords puts the values of the spec's words into its command.
func (s *Spec) replaceWords(values []string) error {
	if len(values) != len(s.Words) {
		return fmt.Errorf("%d values for the words %q", len(values), s.Words)
	}
	var pairs []string
	for i, word := range s.Words {
		pairs = append(pairs, word, values[i])
	}
	s.Command.Args, s.Command.Env = peer.ReplaceWords(s.Command.Args, pairs...), peer.ReplaceWords(s.Command.Env, pairs...)
	return nil
}

func (s Spec) run(addr string, stdout, stderr io.Writer) (int, error) {
	m, known := Find(s.Role, s.Mutation)
	if !known {
		return 0, fmt.Errorf("no mutation %q", s.Mutation)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if s.Role == scenario.Client {
		return s.runClient(ctx, m, addr, signals, stdout, stderr)
	}
	return s.runServer(ctx, m, addr, signals, stdout, stderr)
}

// runServer starts the server and listens in its place.
func (s Spec) runServer(ctx context.Context, m Mutation, addr string, signals <-chan os.Signal, stdout, stderr io.Writer) (int, error) {
	var process *peer.Process
	upstream := s.Address
	if upstream == "" {
		var err error
		if process, err = s.Command.StartServer(ctx, peer.Vars{}); err != nil {
			return 0, err
		}
		defer process.Close()
		upstream = process.ListenAddr().String()
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return 0, err
	}
	r := newRelay(ctx, m, s.Framing, s.Log, func(ctx context.Context) (*net.TCPConn, error) { return dialTCP(ctx, upstream) })
	stop := r.serveListener(l.(*net.TCPListener))
	defer stop()
	defer copyOutputs(process, stdout, stderr, m.mute)()
	return r.await(process, signals), nil
}

// runClient listens where the client connects, and relays to addr.
func (s Spec) runClient(ctx context.Context, m Mutation, addr string, signals <-chan os.Signal, stdout, stderr io.Writer) (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	r := newRelay(ctx, m, s.Framing, s.Log, func(ctx context.Context) (*net.TCPConn, error) { return dialTCP(ctx, addr) })
	stop := r.serveListener(l.(*net.TCPListener))
	defer stop()
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	process, err := s.Command.StartClient(ctx, peer.Vars{Host: host, Port: port, Addr: l.Addr().String()})
	if err != nil {
		return 0, err
	}
	defer process.Close()
	defer copyOutputs(process, stdout, stderr, m.mute)()
	code := r.await(process, signals)
	if m.mute && process.Stdout().ByteCount() > 0 {
		r.act()
	}
	return code, nil
}

// await blocks until the program has ended and returns the exit status of the mutant.
func (r *relay) await(process *peer.Process, signals <-chan os.Signal) int {
	var ended <-chan struct{}
	if process != nil {
		ended = process.ExitedChan()
	}
	for {
		select {
		case status := <-r.crashed:
			return status
		case <-ended:
			return r.exitStatus(process)
		case sig := <-signals:
			switch {
			case r.mutation.noTerm && sig == syscall.SIGTERM:
				r.act()
			case process == nil:
				return 0
			default:
				sendSignal(process.Pid(), sig)
			}
		}
	}
}

// exitStatus is what the program's end comes to, after what it had sent has been relayed.
func (r *relay) exitStatus(process *peer.Process) int {
	r.outgoing.Wait()
	exit, _ := process.ExitStatus()
	code := exit.Code
	if exit.Signal != 0 {
		code = 128 + int(exit.Signal)
	}
	if r.mutation.exit != nil {
		code = r.mutation.exit(r, code)
	}
	return code
}

// sendSignal sends it to the program, which may have ended just now.
func sendSignal(pid int, sig os.Signal) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Signal(sig)
	}
}
