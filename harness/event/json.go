package event

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// written is an event as JSON has it.
type written struct {
	AtMs      float64 `json:"at_ms"`
	Kind      Kind    `json:"kind"`
	Proxy     string  `json:"proxy,omitempty"`
	Conn      uint64  `json:"conn,omitempty"`
	Direction string  `json:"direction,omitempty"`
	Side      Side    `json:"side,omitempty"`
	First     bool    `json:"first,omitempty"`
	Offset    int64   `json:"offset,omitempty"`
	Bytes     int64   `json:"bytes,omitempty"`
	Toxic     string  `json:"toxic,omitempty"`
	Detail    string  `json:"detail,omitempty"`
}

// MarshalJSON writes the event with its time in milliseconds, to the
// microsecond, and without the fields that are zero.
func (e Event) MarshalJSON() ([]byte, error) {
	w := written{AtMs: float64(e.At.Microseconds()) / 1000, Kind: e.Kind, Proxy: e.Proxy, Conn: e.Conn,
		Side: e.Side, First: e.First, Offset: e.Offset, Bytes: e.Bytes, Toxic: e.Toxic, Detail: e.Detail}
	switch e.Kind {
	case Bytes, FIN, RST, Struck, Deliver, Panic, Abandon, Bounce, Lost:
		w.Direction = e.Direction.String()
	default:
		if e.Direction != Upstream {
			w.Direction = e.Direction.String()
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes. An absent direction is Upstream,
// the zero Direction.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w written
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("event parse: %w", err)
	}
	read := Event{At: time.Duration(math.Round(w.AtMs*1000)) * time.Microsecond, Kind: w.Kind, Proxy: w.Proxy, Conn: w.Conn,
		Side: w.Side, First: w.First, Offset: w.Offset, Bytes: w.Bytes, Toxic: w.Toxic, Detail: w.Detail}
	if w.Direction != "" {
		direction, err := ParseDirection(w.Direction)
		if err != nil {
			return fmt.Errorf("event parse: %w", err)
		}
		read.Direction = direction
	}
	*e = read
	return nil
}
