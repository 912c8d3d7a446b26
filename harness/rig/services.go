package rig

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// services are the programs that those of a target need, and the words by which their
// commands name them. They are safe for concurrent use.
type services struct {
	config Config
	target scenario.Target

	mu      sync.Mutex // guards what follows; held while they start
	running []*peer.Process
	names   []string
	words   []string // of a [strings.Replacer]
}

// newServices returns the services of a target, none of which runs yet. The caller must Close
// them.
func newServices(c Config, t scenario.Target) *services {
	return &services{config: c, target: t}
}

// Start starts the services, one after the other, unless they run, and blocks until the last
// of them listens. One that does not start is an error, and one that has ended by itself is a
// *peer.Error: nothing can be judged without it.
func (s *services) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.running {
		if exit, ended := exitedServer(p); ended {
			return &peer.Error{Op: "service " + s.names[i], Command: p.Command(), Exit: &exit, Stderr: string(p.Stderr().TailBytes()), Err: fmt.Errorf("it %s", exit)}
		}
	}
	for _, next := range s.target.Services[len(s.running):] {
		if err := s.startLocked(ctx, next); err != nil {
			return fmt.Errorf("service %s: %w", next.Name, err)
		}
	}
	return nil
}

func (s *services) startLocked(ctx context.Context, next scenario.Service) error {
	command := next.ServerCommand(s.target.Dir)
	command.Args, command.Env = peer.ReplaceWords(command.Args, s.words...), peer.ReplaceWords(command.Env, s.words...)
	command.StartTimeout = s.config.StartTimeout
	command.Args = peer.ReplaceWords(command.Args, "{self}", s.config.Self)
	tmp, err := os.MkdirTemp(s.config.Tmp, "service-")
	if err != nil {
		return err
	}
	vars := peer.Vars{Tmp: tmp}
	if command.Network == "unix" {
		if vars.Path, err = s.config.Shared.book.newPath("v"); err != nil {
			return err
		}
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return err
	}
	at := peer.VarsAt(process.Address())
	s.running = append(s.running, process)
	s.names = append(s.names, next.Name)
	for _, word := range [][2]string{{"port", at.Port}, {"host", at.Host}, {"addr", process.Address()}, {"path", at.Path}} {
		s.words = append(s.words, "{"+next.Name+"."+word[0]+"}", word[1])
	}
	return nil
}

// Expand returns the arguments of a program with the words of the services that run, such as
// {db.port}, replaced.
func (s *services) Expand(arguments []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return peer.ReplaceWords(arguments, s.words...)
}

// ProcessTree returns the ids of the services' processes: what a server waits for may come
// from them.
func (s *services) ProcessTree() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []int
	for _, p := range s.running {
		all = append(all, p.ProcessTree()...)
	}
	return all
}

// Close stops the services, the last one first, and waits for them. It may be called more than
// once.
func (s *services) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Backward(s.running) {
		p.Close()
	}
	s.running, s.names, s.words = nil, nil, nil
}
