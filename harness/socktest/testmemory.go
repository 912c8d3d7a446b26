package socktest

import (
	"sync"
	"testing"
)

// liveTests counts the proxies of each test that runs, by the test's name: a failed
// test describes its newest proxies only, and a testing.TB carries no values that
// could tell one proxy of the others.
var liveTests = testMemory{tests: map[string]*liveTest{}}

// A testMemory knows the tests that have open proxies.
type testMemory struct {
	mu    sync.Mutex // guards tests
	tests map[string]*liveTest
}

type liveTest struct{ proxies, described int }

// mostDescribed is how many proxies a failed test describes: the newest ones, which
// are the first that it closes.
const mostDescribed = 3

// enter keeps that the test has one proxy more.
func (m *testMemory) enter(tb testing.TB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tests[tb.Name()] == nil {
		m.tests[tb.Name()] = &liveTest{}
	}
	m.tests[tb.Name()].proxies++
}

// leave keeps that the test has one proxy less.
func (m *testMemory) leave(tb testing.TB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	test := m.tests[tb.Name()]
	if test == nil {
		return
	}
	if test.proxies--; test.proxies <= 0 {
		delete(m.tests, tb.Name())
	}
}

// numberOf counts the proxies of a failed test that were to be described, from 1. The
// first [mostDescribed] are.
func (m *testMemory) numberOf(tb testing.TB) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	test := m.tests[tb.Name()]
	if test == nil {
		return 1
	}
	test.described++
	return test.described
}
