package scenario

import (
	"slices"
	"testing"

	"github.com/sockharness/harness/harness/dialogue"
)

func stream(ends ...int64) Stream {
	s := Stream{MessageEnds: ends, ExchangeEnds: ends}
	if len(ends) > 0 {
		s.Bytes = make([]byte, ends[len(ends)-1])
	}
	return s
}

func TestInsideShortMessages(t *testing.T) {
	got := stream(4, 5, 8).InsideExchanges(0)
	if want := []int64{1, 2, 3, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("got %v, want every offset inside a message, and none between two: %v", got, want)
	}
}

func TestInsideExchangeOfSeveralMessages(t *testing.T) {
	s := stream(2, 4, 6)
	s.ExchangeEnds = []int64{2, 6}
	if got, want := s.InsideExchanges(0), []int64{1, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want the border inside the second exchange too: %v", got, want)
	}
}

func TestInsideLongMessage(t *testing.T) {
	got := stream(100_000).InsideExchanges(0)
	for _, want := range []int64{1, 8, 4095, 4096, 4097, 65535, 65536, 65537, 99_992, 99_999} {
		if !slices.Contains(got, want) {
			t.Errorf("offset %d is not among %v", want, got)
		}
	}
	if !slices.IsSorted(got) || len(got) > 60 {
		t.Errorf("got %d offsets, sorted %v", len(got), slices.IsSorted(got))
	}
}

func TestInsideIsThinned(t *testing.T) {
	got := stream(60).InsideExchanges(10)
	if len(got) != 10 || got[0] != 1 || got[9] != 59 {
		t.Errorf("got %v, want 10 offsets from 1 to 59", got)
	}
	if got := stream().InsideExchanges(10); len(got) != 0 {
		t.Errorf("got %v of an empty stream", got)
	}
}

func TestInParts(t *testing.T) {
	s := stream(10)
	s.Parts = []dialogue.Part{{Kind: "header", From: 0, To: 4}, {Kind: "body", From: 4, To: 9}, {Kind: "delimiter", From: 9, To: 10}}
	for kind, want := range map[string][]int64{"header": {1, 2, 3}, "body": {4, 5, 6, 7, 8}, "delimiter": {9}, "tail": nil} {
		if got := s.InsideParts(kind, 0); !slices.Equal(got, want) {
			t.Errorf("in %s: got %v, want %v", kind, got, want)
		}
	}
}
