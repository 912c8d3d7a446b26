// Package match has Gomega matchers for what package socktest returns.
//
//	Expect(cut).To(match.HaveStruck(1))
//	Expect(px.Conn(1)).To(match.EndWith(socktest.RST, 93))
//	Expect(px.Conn(1)).To(match.DeliverPrefixOf(reply))
//
// All matchers work with Eventually, which they let end early when nothing can
// change any more.
package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/socktest"
)

// HaveStruck succeeds for a [*socktest.Injection] that has struck so many connections;
// without a number, at least one.
func HaveStruck(times ...int) types.GomegaMatcher { return &struck{times} }

type struck struct{ times []int }

func (m *struck) Match(actual any) (bool, error) {
	i, ok := actual.(*socktest.Injection)
	switch {
	case !ok || i == nil:
		return false, fmt.Errorf("HaveStruck wants a *socktest.Injection, got %T", actual)
	case len(m.times) > 1:
		return false, fmt.Errorf("HaveStruck wants one number at most, got %v", m.times)
	case len(m.times) == 1:
		return i.Hits() == m.times[0], nil
	}
	return i.Hits() > 0, nil
}

// MatchMayChangeInTheFuture tells Eventually whether to wait: hits never become fewer.
func (m *struck) MatchMayChangeInTheFuture(actual any) bool {
	i, ok := actual.(*socktest.Injection)
	return ok && (len(m.times) == 0 || i.Hits() <= m.times[0])
}

func (m *struck) FailureMessage(actual any) string {
	want := "at least 1 connection"
	if len(m.times) == 1 {
		want = plural.Count(m.times[0], "connection")
	}
	i := actual.(*socktest.Injection)
	text := fmt.Sprintf("want the injection to have struck %s, got %v", want, i)
	if why := i.Why(); why != "" {
		text += "\n" + why
	}
	return text
}

func (m *struck) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want the injection not to have struck, got %v", actual)
}

// An EndMatcher is what [EndWith] returns.
type EndMatcher struct {
	ending    socktest.Ending
	at        []int64
	direction *socktest.Direction
}

// EndWith succeeds for
//   - a [*socktest.Conn] of which a stream has ended so, after that many bytes if given;
//     [EndMatcher.In] says which stream, else it may be either,
//   - a [*socktest.Peer] that has seen its stream end so, after that many bytes received,
//   - an error that stands for the ending, such as that of a connect for
//     [socktest.Refused].
//
// [socktest.Open] succeeds for a stream that has not ended.
func EndWith(e socktest.Ending, at ...int64) *EndMatcher { return &EndMatcher{ending: e, at: at} }

// In restricts the matcher to the stream of one direction.
func (m *EndMatcher) In(d socktest.Direction) *EndMatcher {
	m.direction = &d
	return m
}

// Match implements [types.GomegaMatcher].
func (m *EndMatcher) Match(actual any) (bool, error) {
	if len(m.at) > 1 {
		return false, fmt.Errorf("EndWith wants one offset at most, got %v", m.at)
	}
	switch a := actual.(type) {
	case *socktest.Conn:
		return m.matchConn(a), nil
	case *socktest.Peer:
		return a.Ending() == m.ending && m.isAt(int64(len(a.Received()))), nil
	case error:
		return socktest.EndingOf(a) == m.ending, nil
	}
	return false, fmt.Errorf("EndWith wants a *socktest.Conn, a *socktest.Peer or an error, got %T", actual)
}

func (m *EndMatcher) isAt(n int64) bool { return len(m.at) == 0 || m.at[0] == n }

func (m *EndMatcher) matchConn(c *socktest.Conn) bool {
	for _, d := range []socktest.Direction{socktest.Upstream, socktest.Downstream} {
		if m.direction != nil && *m.direction != d {
			continue
		}
		if m.ending == socktest.Open && c.Made() && c.Ending(d) == socktest.Open && m.isAt(c.Bytes(d)) {
			return true
		}
	}
	return slices.ContainsFunc(c.Ends(), func(e socktest.End) bool {
		return e.Ending == m.ending && m.isAt(e.At) && (m.direction == nil || *m.direction == e.Direction)
	})
}

// MatchMayChangeInTheFuture tells Eventually whether to wait.
func (m *EndMatcher) MatchMayChangeInTheFuture(actual any) bool { return isOpen(actual) }

// isOpen reports whether more may come on a connection.
func isOpen(actual any) bool {
	switch a := actual.(type) {
	case *socktest.Conn:
		return !a.Over()
	case *socktest.Peer:
		return a.Ending() == socktest.Open
	}
	return false
}

func (m *EndMatcher) want() string {
	text := string(m.ending)
	if m.direction != nil {
		text += " " + m.direction.String()
	}
	if len(m.at) > 0 {
		text += fmt.Sprintf(" after %s", plural.Count(m.at[0], "byte"))
	}
	return text
}

// FailureMessage implements [types.GomegaMatcher].
func (m *EndMatcher) FailureMessage(actual any) string {
	return fmt.Sprintf("want the end: %s\n got: %s", m.want(), describe(actual))
}

// NegatedFailureMessage implements [types.GomegaMatcher].
func (m *EndMatcher) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want any other end than: %s\n got: %s", m.want(), describe(actual))
}

// describe tells what was given to a matcher; of a connection with its events.
func describe(actual any) string {
	switch a := actual.(type) {
	case *socktest.Conn:
		lines := []string{a.String()}
		for _, e := range a.Events() {
			lines = append(lines, "      "+e.String())
		}
		return strings.Join(lines, "\n")
	case error:
		return fmt.Sprintf("%v (%s)", a, socktest.EndingOf(a))
	}
	return fmt.Sprint(actual)
}
