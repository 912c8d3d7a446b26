package scenario

import (
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
)

// A Stream is all that flows in one direction of a conversation. A message is the
// unit of the framing, such as a line. An exchange is a request and its reply, and
// each of the two may be several messages: a scenario says which of the borders it
// means.
type Stream struct {
	Direction    event.Direction // which direction it is
	Bytes        []byte          // what passes in it; nil where that is not known
	MessageEnds  []int64         // offsets at which messages end, that of the greeting first; the last one is len(Bytes)
	ExchangeEnds []int64         // offsets at which exchanges end, one for each; equal where this side says nothing
	Greeting     int64           // bytes before the first exchange
	Parts        []dialogue.Part // header, body and delimiter of each message, in order
}

// ByteCount returns the number of bytes in the stream.
func (s Stream) ByteCount() int64 { return int64(len(s.Bytes)) }

// MessageStarts returns the offsets at which messages start.
func (s Stream) MessageStarts() []int64 {
	if len(s.MessageEnds) == 0 {
		return nil
	}
	return append([]int64{0}, s.MessageEnds[:len(s.MessageEnds)-1]...)
}

// MessageAt returns the index of the message that byte offset belongs to: that
// whose end is the first one beyond offset.
func (s Stream) MessageAt(offset int64) int { return indexBeyond(s.MessageEnds, offset) }

// ExchangesBefore returns how many exchanges are whole before byte offset.
func (s Stream) ExchangesBefore(offset int64) int { return indexBeyond(s.ExchangeEnds, offset) }

func indexBeyond(ends []int64, offset int64) int {
	for i, end := range ends {
		if offset < end {
			return i
		}
	}
	return len(ends)
}

// LongestMessage returns where the longest message starts and how long it is.
func (s Stream) LongestMessage() (start, length int64) {
	for i, from := range s.MessageStarts() {
		if n := s.MessageEnds[i] - from; n > length {
			start, length = from, n
		}
	}
	return start, length
}

// ExchangeRange returns where this side's part of the n-th exchange, from 0,
// begins and ends. It panics when there is none.
func (s Stream) ExchangeRange(n int) (from, to int64) {
	if n == 0 {
		return s.Greeting, s.ExchangeEnds[0]
	}
	return s.ExchangeEnds[n-1], s.ExchangeEnds[n]
}

// SpokenExchanges returns the exchanges, from 0, in which this side says something.
func (s Stream) SpokenExchanges() []int {
	var all []int
	for i := range s.ExchangeEnds {
		if from, to := s.ExchangeRange(i); to > from {
			all = append(all, i)
		}
	}
	return all
}

// FirstSpoken returns what this side says in the first exchange in which it says
// something; nil if it never does, or the bytes are not known.
func (s Stream) FirstSpoken() []byte {
	spoken := s.SpokenExchanges()
	if len(spoken) == 0 {
		return nil
	}
	from, to := s.ExchangeRange(spoken[0])
	if to > int64(len(s.Bytes)) {
		return nil
	}
	return s.Bytes[from:to]
}

// EndsExchange reports whether an exchange, or the greeting, ends at byte offset.
func (s Stream) EndsExchange(offset int64) bool {
	return offset == s.Greeting && offset > 0 || slices.Contains(s.ExchangeEnds, offset)
}

// LongestExchange returns in which exchange, from 0, this side says most, where
// that begins and how long it is; length is 0 where it says nothing.
func (s Stream) LongestExchange() (exchange int, start, length int64) {
	for _, i := range s.SpokenExchanges() {
		if from, to := s.ExchangeRange(i); to-from > length {
			exchange, start, length = i, from, to-from
		}
	}
	return exchange, start, length
}
