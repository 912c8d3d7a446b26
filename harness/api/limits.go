package api

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics/spec"
)

// limits are for how long and for how many peers a proxy waits. Zero is the
// default of the proxy, and is not shown.
type limits struct {
	Idle          int64  `json:"idle,omitempty"`            // of datagrams: ms until a silent association ends; -1: never
	Associations  int64  `json:"associations,omitempty"`    // of datagrams: how many there can be
	HalfCloseIdle int64  `json:"half_close_idle,omitempty"` // of streams: ms that a half-closed connection may be silent; -1: forever
	UpstreamDown  string `json:"upstream_down,omitempty"`   // of streams: "close", which is "", "reset" or "refuse"
}

// limitsInput is what a client sends of them. Null is as good as absent; 0 and an
// empty word take away what was.
type limitsInput struct {
	Idle          json.RawMessage `json:"idle"` // ms, or text such as "5s"
	Associations  json.RawMessage `json:"associations"`
	HalfCloseIdle json.RawMessage `json:"half_close_idle"`
	UpstreamDown  *string         `json:"upstream_down"`
}

const maxAssociations = 1 << 20

// downs are the words for what a client meets while its upstream is down.
var downs = map[string]proxy.UpstreamFailure{"": proxy.FailClose, "reset": proxy.FailReset, "refuse": proxy.FailRefuse}

// mergeFrom lays the input over the limits that there were.
func (in limitsInput) mergeFrom(was limits) (l limits, err error) {
	l = was
	if l.Idle, err = readLimit("idle", in.Idle, was.Idle, -1, spec.MaxMilliseconds); err != nil {
		return was, err
	}
	if l.HalfCloseIdle, err = readLimit("half_close_idle", in.HalfCloseIdle, was.HalfCloseIdle, -1, spec.MaxMilliseconds); err != nil {
		return was, err
	}
	if l.Associations, err = readLimit("associations", in.Associations, was.Associations, 0, maxAssociations); err != nil {
		return was, err
	}
	l.UpstreamDown, err = chooseWord("upstream_down", in.UpstreamDown, was.UpstreamDown, "close", "reset", "refuse")
	return l, err
}

// readLimit reads a number or, as clients send what they have as text, a number
// in a string; where -1 means something, a duration too.
func readLimit(name string, text json.RawMessage, was, least, most int64) (int64, error) {
	if !isGiven(text) {
		return was, nil
	}
	word := string(text)
	if plain := ""; json.Unmarshal(text, &plain) == nil {
		word = plain
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil && least < 0 {
		var d time.Duration
		d, err = time.ParseDuration(word)
		n = d.Milliseconds()
		if err == nil && d != time.Duration(n)*time.Millisecond {
			return was, badBodyf("%s must be whole milliseconds such as 200 or 1.5s, got %s", name, excerpt.Quote(word))
		}
	}
	switch {
	case err != nil && least < 0:
		return was, badBodyf("%s must be milliseconds such as 200 or 1.5s, or -1 for no limit, got %s", name, excerpt.Start(text, mostExcerpt))
	case err != nil:
		return was, badBodyf("%s must be a whole number, got %s", name, excerpt.Start(text, mostExcerpt))
	case n < least || n > most:
		return was, badBodyf("%s must be %d to %d, got %d", name, least, most, n)
	}
	return n, nil
}

// checkKind finds what is not for the kind of proxy.
func (l limits) checkKind(datagrams bool) error {
	switch {
	case datagrams && (l.HalfCloseIdle != 0 || l.UpstreamDown != ""):
		return badBodyf("half_close_idle and upstream_down apply to streams only")
	case !datagrams && (l.Idle != 0 || l.Associations != 0):
		return badBodyf("idle and associations apply to datagrams only; their addresses begin with %s:", networkUDP)
	}
	return nil
}

// limitDuration is a limit as a proxy takes it.
func limitDuration(milliseconds int64) time.Duration {
	return time.Duration(milliseconds) * time.Millisecond
}
