package match

import (
	"bytes"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/socktest"
)

// A BytesMatcher is what [Deliver] and [DeliverPrefixOf] return.
type BytesMatcher struct {
	want      []byte
	prefix    bool
	direction socktest.Direction
}

// Deliver succeeds when exactly the given bytes were delivered: to the client of a
// [*socktest.Conn] (see [BytesMatcher.In] for the server), to a [*socktest.Peer], or in
// a []byte or string. A failure shows where they differ, in hex.
func Deliver(want []byte) *BytesMatcher {
	return &BytesMatcher{want: want, direction: socktest.Downstream}
}

// DeliverPrefixOf succeeds when what was delivered is the beginning of the given
// bytes, or all of them, or nothing: nothing was changed, lost or repeated before the
// stream was cut. It takes what [Deliver] takes.
func DeliverPrefixOf(whole []byte) *BytesMatcher {
	return &BytesMatcher{want: whole, prefix: true, direction: socktest.Downstream}
}

// In sets which stream of a connection is meant; downstream is the default.
func (m *BytesMatcher) In(d socktest.Direction) *BytesMatcher {
	m.direction = d
	return m
}

// Match implements [types.GomegaMatcher].
func (m *BytesMatcher) Match(actual any) (bool, error) {
	got, err := m.delivered(actual)
	if err != nil {
		return false, err
	}
	if m.prefix {
		return bytes.HasPrefix(m.want, got), nil
	}
	return bytes.Equal(m.want, got), nil
}

func (m *BytesMatcher) delivered(actual any) ([]byte, error) {
	switch a := actual.(type) {
	case *socktest.Conn:
		data := a.Data(m.direction)
		if n := a.Bytes(m.direction); n > int64(len(data)) && len(data) >= 1<<20 {
			return nil, fmt.Errorf("of %s of %v only the first %d were kept", plural.Count(n, "byte"), a, len(data))
		}
		return data, nil
	case *socktest.Peer:
		return a.Received(), nil
	case []byte:
		return a, nil
	case string:
		return []byte(a), nil
	}
	return nil, fmt.Errorf("want a *socktest.Conn, a *socktest.Peer, a []byte or a string, got %T", actual)
}

// MatchMayChangeInTheFuture tells Eventually whether to wait: bytes are only added.
func (m *BytesMatcher) MatchMayChangeInTheFuture(actual any) bool {
	got, err := m.delivered(actual)
	if err != nil || !bytes.HasPrefix(m.want, got) {
		return false
	}
	return isOpen(actual)
}

// FailureMessage implements [types.GomegaMatcher].
func (m *BytesMatcher) FailureMessage(actual any) string {
	got, _ := m.delivered(actual)
	want := m.want
	text := fmt.Sprintf("want exactly %s, got %d", plural.Count(len(want), "byte"), len(got))
	if m.prefix {
		text = fmt.Sprintf("want a prefix of %s, got %d that are none", plural.Count(len(want), "byte"), len(got))
		want = want[:min(len(want), len(got))]
	}
	return text + "\n" + dialogue.DescribeDifference(want, got)
}

// NegatedFailureMessage implements [types.GomegaMatcher].
func (m *BytesMatcher) NegatedFailureMessage(actual any) string {
	got, _ := m.delivered(actual)
	return fmt.Sprintf("want other bytes than these %d", len(got))
}
