package api

import (
	"github.com/sockharness/harness/harness/event"
)

// announce tells that the proxy has changed.
func (m *managedProxy) announce(e event.Event) {
	e.Proxy, e.Side = m.name, event.Proxy
	m.daemon.history.publishEvent(e)
	m.daemon.cfg.Events.Emit(e)
}

// announceAdded tells of a proxy and its toxics, the first time.
func (m *managedProxy) announceAdded() {
	m.editing.Lock()
	defer m.editing.Unlock()
	m.mu.Lock()
	known, w, list := m.announced, m.wish, m.toxics
	m.announced = true
	m.mu.Unlock()
	if known {
		return
	}
	detail := w.summary()
	if !w.enabled {
		detail += ", disabled"
	}
	m.announce(event.Event{Kind: event.ProxyAdded, Detail: detail})
	m.announceToxics(nil, list)
}

// announceSpec tells how the proxy differs from what it was, once it is known.
func (m *managedProxy) announceSpec(was, now proxySpec) {
	if was.listen != now.listen || !was.equal(now) {
		m.announce(event.Event{Kind: event.ProxyUpdated, Detail: now.summary()})
	}
	switch {
	case was.enabled && !now.enabled:
		m.announce(event.Event{Kind: event.ProxyDisabled, Detail: now.summary()})
	case !was.enabled && now.enabled:
		m.announce(event.Event{Kind: event.ProxyEnabled, Detail: now.summary()})
	}
}

// announceToxics tells how a list of toxics differs from what it was.
func (m *managedProxy) announceToxics(was, now []toxic) {
	tell := func(kind event.Kind, t toxic) {
		m.announce(event.Event{Kind: kind, Toxic: t.made.Name, Direction: t.made.Direction, Detail: string(t.text)})
	}
	for _, t := range was {
		if indexOf(now, t.made.Name) < 0 {
			tell(event.ToxicRemoved, t)
		}
	}
	for _, t := range now {
		switch i := indexOf(was, t.made.Name); {
		case i < 0:
			tell(event.ToxicAdded, t)
		case string(was[i].text) != string(t.text):
			tell(event.ToxicUpdated, t)
		}
	}
}

// summary says in one line where the proxy listens and where it leads.
func (w proxySpec) summary() string {
	text := w.listen + " to " + w.upstream
	for _, other := range w.others() {
		text += ", " + other
	}
	return text
}
