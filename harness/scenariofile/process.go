package scenariofile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A Treatment is what happens to a program under test. One field is set.
type Treatment struct {
	Side      scenario.Role  // whose program
	Signal    syscall.Signal // signal to send; 0: none
	Terminate bool           // send SIGTERM
	Restart   bool           // stop it and start it again
	Pause     bool           // stop all its threads (SIGSTOP)
	Resume    bool           // let them run again
	Room      int            // descriptors that it may open beyond those it has
}

// signals are those that a step may name.
func signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "KILL": syscall.SIGKILL}
}

// SignalNames returns the signals that a step or a check may name, without SIG.
func SignalNames() []string { return sortedKeys(signals()) }

// signalName reads the name of a signal, with or without SIG.
func signalName(d *strictyaml.Decoder, n *strictyaml.Node) string {
	if name, ok := strings.CutPrefix(n.Text(), "SIG"); ok && signals()[name] != 0 {
		return name
	}
	return d.OneOf(n, SignalNames()...)
}

// treatment reads what happens to the program of a side: a word, or a mapping.
func (r stepReader) treatment(n *strictyaml.Node, side scenario.Role) *Treatment {
	t := &Treatment{Side: side}
	words := map[string]*bool{"terminate": &t.Terminate, "pause": &t.Pause, "resume": &t.Resume}
	if side == scenario.Server {
		words["restart"] = &t.Restart
	}
	if n.Kind() == strictyaml.Text {
		if word := r.OneOf(n, sortedKeys(words)...); word != "" {
			*words[word] = true
		}
		return t
	}
	fields := map[string]func(*strictyaml.Node){
		"signal": func(n *strictyaml.Node) { t.Signal = signals()[signalName(r.Decoder, n)] },
		"limit": func(n *strictyaml.Node) {
			r.DecodeFields(n, map[string]func(*strictyaml.Node){
				"descriptors": func(n *strictyaml.Node) { t.Room = int(r.IntBetween(n, 1, 1<<20)) },
			}, "descriptors")
		},
	}
	for word, set := range words {
		fields[word] = func(n *strictyaml.Node) { *set = r.readTrue(n, word) }
	}
	r.DecodeSteps(n, fields)
	return t
}

var errNoProcess = fmt.Errorf("%w: the harness did not start this peer", scenario.ErrUnsupported)

// process returns the program of a side.
func (s *session) process(side scenario.Role) (scenario.Process, error) {
	if side == scenario.Client {
		if s.subject == nil {
			return nil, errNoProcess
		}
		return s.subject.Process(), nil
	}
	p, err := s.rig.ServerProcess()
	if err != nil {
		return nil, errNoProcess
	}
	return p, nil
}

// treat does to the program what the step says.
func (s *session) treat(ctx context.Context, t *Treatment) error {
	p, err := s.process(t.Side)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, startBudget+s.budget)
	defer cancel()
	switch {
	case t.Pause:
		return p.Pause(limited)
	case t.Resume:
		return p.Resume()
	case t.Terminate && t.Side == scenario.Server:
		return s.rig.TerminateServer()
	case t.Terminate:
		return p.Signal(syscall.SIGTERM)
	case t.Restart:
		return s.rig.RestartServer(limited)
	case t.Room > 0:
		return s.limit(p, t.Room)
	}
	return p.Signal(t.Signal)
}

// limit lowers the descriptor limit until the end of the session.
func (s *session) limit(p scenario.Process, room int) error {
	restore, err := p.LimitDescriptors(room)
	if errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%w: %w", scenario.ErrUnsupported, err)
	}
	if err == nil {
		s.mu.Lock()
		s.restores = append(s.restores, restore)
		s.mu.Unlock()
	}
	return err
}
