package proxy

import (
	"math/rand/v2"
	"slices"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
)

// connectLinks makes the links, with the chains that are wanted at that moment.
func (s *session) connectLinks(server *link.Side) {
	p := s.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.record == nil && p.cfg.Keep != nil {
		s.record = p.cfg.Keep(s.id)
	}
	list := p.toxicsLocked()
	up, down := &s.linkRoom[event.Upstream], &s.linkRoom[event.Downstream]
	up.Begin(s.linkConfig(event.Upstream, s.client, server), s.directionStages(list, event.Upstream))
	down.Begin(s.linkConfig(event.Downstream, server, s.client), s.directionStages(list, event.Downstream))
	link.Join(up, down)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.links = server, [2]*link.Link{event.Upstream: up, event.Downstream: down}
}

// linkConfig returns the configuration of the link of one direction.
func (s *session) linkConfig(d event.Direction, from, to *link.Side) link.Config {
	p := s.proxy
	c := link.Config{Direction: d, Conn: s.id, Source: from, Dest: to, Pool: &p.shared.pool, Diag: p.diag, Patience: &p.cfg.Patience, Record: p.cfg.Record, Owner: (*linkOwner)(s)}
	if p.cfg.Tap != nil {
		c.Tap = p.cfg.Tap(s.number, d)
	}
	return c
}

// directionStages returns the toxics that this connection has in one direction.
func (s *session) directionStages(list []Toxic, d event.Direction) (stages []link.Stage) {
	served := s.proxy.cfg.Served + s.number
	if len(s.own) > 0 {
		list = slices.Concat(list, s.own)
	}
	if s.record != nil {
		stages = append(stages, link.Stage{Name: recordingStage, Toxic: s.record.streams[d]})
	}
	for _, t := range list {
		if t.Direction == d && t.appliesTo(served) && s.isSelected(t) {
			stages = append(stages, link.Stage{Name: t.Name, Toxic: t.Toxic, BufferSize: t.BufferSize})
		}
	}
	return stages
}

// isSelected reports whether the connection is among those that have the toxic. It
// says the same each time, until the toxicity is another.
func (s *session) isSelected(t Toxic) bool {
	if t.Toxicity >= 1 {
		return true
	}
	source := s.chance()
	if t.Seed != nil {
		source = t.Seed.SplitN(s.number)
	}
	return source.SplitBy(t.Name).NewRand().Float64() < t.Toxicity
}

func (s *session) toxicRand(toxic string) *rand.Rand {
	return s.chance().SplitBy(toxic).SplitBy("wire").NewRand()
}

// updateChains hands the links the chains that are wanted now.
func (s *session) updateChains(list []Toxic) {
	for d, l := range s.bothLinks() {
		if l != nil {
			l.UpdateChain(s.directionStages(list, event.Direction(d)))
		}
	}
}

func (s *session) checkSources() {
	links := s.bothLinks()
	if links[0] == nil {
		return
	}
	for _, l := range links {
		l.CheckSource()
	}
	if s.inLoop.Load() == nil {
		s.parking.considerReturn(s, links)
	}
}

// bothLinks returns the links, which are nil until the upstream is dialled.
func (s *session) bothLinks() [2]*link.Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links
}
