package event

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// written is an event as JSON has it.
type written struct {
	ID        uint64     `json:"id,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	AtMs      float64    `json:"at_ms"`
	Kind      Kind       `json:"kind"`
	Proxy     string     `json:"proxy,omitempty"`
	Conn      uint64     `json:"conn,omitempty"`
	Direction string     `json:"direction,omitempty"`
	Side      Side       `json:"side,omitempty"`
	First     bool       `json:"first,omitempty"`
	Offset    int64      `json:"offset,omitempty"`
	Bytes     int64      `json:"bytes,omitempty"`
	Toxic     string     `json:"toxic,omitempty"`
	Ending    Ending     `json:"ending,omitempty"`
	Errno     string     `json:"errno,omitempty"`
	Detail    string     `json:"detail,omitempty"`
}

// JSONSchemaAlias tells a reflector of JSON Schemas as what the event is written.
func (e Event) JSONSchemaAlias() any { return written{} }

// MarshalJSON writes the event with its time in milliseconds, to the
// microsecond, and without the fields that mean nothing: those that are zero, and
// the direction where there is none.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(make([]byte, 0, 256)) }

// UnmarshalJSON reads what MarshalJSON writes. An absent direction is Upstream,
// the zero Direction.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w written
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("event parse: %w", err)
	}
	read := Event{ID: w.ID, At: time.Duration(math.Round(w.AtMs*1000)) * time.Microsecond, Kind: w.Kind, Proxy: w.Proxy, Conn: w.Conn,
		Side: w.Side, First: w.First, Offset: w.Offset, Bytes: w.Bytes, Toxic: w.Toxic, Ending: w.Ending, Errno: w.Errno, Detail: w.Detail}
	if w.Time != nil {
		read.Time = *w.Time
	}
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
