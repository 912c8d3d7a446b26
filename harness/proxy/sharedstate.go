package proxy

import "sync"

// A sharedState holds what the toxics of one connection share.
type sharedState struct {
	mu     sync.Mutex
	shared map[any]any
}

// getOrCreate serves [hook.SharedState].
func (m *sharedState) getOrCreate(key any, fresh func() any) any {
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
