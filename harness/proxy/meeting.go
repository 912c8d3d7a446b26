package proxy

import "sync"

// A meeting holds what the toxics of one connection share.
type meeting struct {
	mu     sync.Mutex
	shared map[any]any
}

// get serves [wire.Meeting].
func (m *meeting) get(key any, fresh func() any) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	thing, ok := m.shared[key]
	if !ok {
		if m.shared == nil {
			m.shared = map[any]any{}
		}
		thing = fresh()
		m.shared[key] = thing
	}
	return thing
}
