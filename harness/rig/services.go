package rig

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

// services are the programs that those of a target need, and the words by which their
// commands name them.
type services struct {
	running []*peer.Process
	names   []string
	words   []string // of a [strings.Replacer]
}

// startServicesLocked starts the services of the target, one after the other, unless they
// run. One that has ended by itself is an error: nothing can be judged without it.
func (b *Testbed) startServicesLocked(ctx context.Context) error {
	for i, p := range b.services.running {
		if exit, ended := exitedServer(p); ended {
			return &peer.Error{Op: "service " + b.services.names[i], Command: p.Command(), Exit: &exit, Stderr: string(p.Stderr().TailBytes()), Err: fmt.Errorf("it %s", exit)}
		}
	}
	for _, s := range b.target.Services[len(b.services.running):] {
		if err := b.startServiceLocked(ctx, s); err != nil {
			return fmt.Errorf("service %s: %w", s.Name, err)
		}
	}
	return nil
}

func (b *Testbed) startServiceLocked(ctx context.Context, s scenario.Service) error {
	command := s.ServerCommand(b.target.Dir)
	command.Args, command.Env = b.services.expand(command.Args), b.services.expand(command.Env)
	command.StartTimeout = b.config.StartTimeout
	command.Args = replaceWords(command.Args, "{self}", b.config.Self)
	tmp, err := os.MkdirTemp(b.config.Tmp, "service-")
	if err != nil {
		return err
	}
	vars := peer.Vars{Tmp: tmp}
	if command.Network == "unix" {
		if vars.Path, err = b.config.Shared.book.newPath("v"); err != nil {
			return err
		}
	}
	process, err := command.StartServer(ctx, vars)
	if err != nil {
		return err
	}
	at := peer.VarsAt(process.Address())
	b.services.running = append(b.services.running, process)
	b.services.names = append(b.services.names, s.Name)
	for _, word := range [][2]string{{"port", at.Port}, {"host", at.Host}, {"addr", process.Address()}, {"path", at.Path}} {
		b.services.words = append(b.services.words, "{"+s.Name+"."+word[0]+"}", word[1])
	}
	return nil
}

// expand replaces the words of services.
func (s services) expand(words []string) []string { return replaceWords(words, s.words...) }

// replaceWords returns the arguments of a program with each word replaced by the one
// behind it.
func replaceWords(arguments []string, words ...string) []string {
	r := strings.NewReplacer(words...)
	out := slices.Clone(arguments)
	for i, word := range out {
		out[i] = r.Replace(word)
	}
	return out
}

// processTree returns the ids of the services' processes: what a server waits for may come
// from them.
func (s services) processTree() []int {
	var all []int
	for _, p := range s.running {
		all = append(all, p.ProcessTree()...)
	}
	return all
}

func (s *services) closeAll() {
	for _, p := range slices.Backward(s.running) {
		p.Close()
	}
	*s = services{}
}
