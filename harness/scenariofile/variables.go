package scenariofile

import (
	"crypto/rand"
	"strconv"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
)

// The names that every scenario has: they stand for words that no other
// connection, and no other run, has.
const (
	runVariable        = "run"
	connectionVariable = "connection"
)

func isReserved(name string) bool { return name == runVariable || name == connectionVariable }

func formatNumber(i int) string { return strconv.Itoa(i) }

// Variables are what a run of a scenario has captured.
type variables struct {
	keys *dialogue.Keys

	mu     sync.Mutex // guards values
	values map[string][]byte
}

func newVariables() *variables {
	return &variables{keys: dialogue.NewKeys(rand.Text()), values: map[string][]byte{}}
}

func (v *variables) setValue(name string, value []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.values[name] = value
}

// lookupFor returns the values as seen on a connection.
func (v *variables) lookupFor(c *connection) func(string) ([]byte, bool) {
	return func(name string) ([]byte, bool) {
		switch name {
		case runVariable:
			return []byte(v.keys.Run()), true
		case connectionVariable:
			return []byte(c.token), true
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		value, ok := v.values[name]
		return value, ok
	}
}
