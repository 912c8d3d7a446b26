package spec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Trigger says where or when a toxic begins to strike. Before it, bytes pass
// untouched; the chunk that contains the place is cut exactly there. At most one
// field is set; the zero Trigger is from the start.
type Trigger struct {
	// Byte strikes once so many bytes have passed this toxic: bytes of the
	// stream, or since the toxic was added to a live connection. It does not wait
	// for the byte after.
	Byte *int64
	// Pattern strikes right after the last byte of its first occurrence.
	Pattern []byte
	// Opposite strikes as soon as the opposite direction has carried the pattern:
	// before it is sent on, and so before anything that answers it.
	Opposite []byte
	// Segment strikes before the first byte of the n-th segment, from 1: the
	// n-th read of the proxy from the source.
	Segment int
	// Frame strikes in the n-th message of the stream, from 1, header and delimiter
	// included: before its first byte when that comes, or once FrameOffset bytes of it
	// have passed. Framing tells where messages end.
	Frame       int
	FrameOffset int64  // see Frame
	Framing     string // as [dialogue.ParseFraming] reads it
	// Event strikes when something happened on the connection:
	//   open    the link was opened
	//   accept  the client was accepted
	//   answer  the opposite direction carried its first byte
	//   GotEOF     the source of this direction ended its stream
	//   fin     either side ended its stream
	//   rst     either side reset the connection
	Event string
	// After strikes so long after the link was opened.
	After time.Duration
}

// triggerEvents are the values of Trigger.Event.
var triggerEvents = [...]string{"open", "accept", "answer", "eof", "fin", "rst"}

// IsZero reports whether the trigger is from the start.
func (t Trigger) IsZero() bool {
	return t.Byte == nil && t.Pattern == nil && t.Opposite == nil && t.Segment == 0 && t.Frame == 0 && t.FrameOffset == 0 && t.Framing == "" && t.Event == "" && t.After == 0
}

// String returns the trigger as [ParseFlag] reads it, "start" for the zero Trigger.
func (t Trigger) String() string {
	switch {
	case t.Byte != nil:
		return fmt.Sprintf("at.byte=%d", *t.Byte)
	case t.Pattern != nil:
		return fmt.Sprintf("at.pattern=%q", t.Pattern)
	case t.Opposite != nil:
		return fmt.Sprintf("at.opposite=%q", t.Opposite)
	case t.Segment != 0:
		return fmt.Sprintf("at.segment=%d", t.Segment)
	case t.Frame != 0:
		return t.formatFrame()
	case t.Event != "":
		return "at.event=" + t.Event
	case t.After != 0:
		return fmt.Sprintf("at.time=%v", t.After)
	}
	return "start"
}

// validateTrigger returns everything that is wrong with the trigger.
func (t Trigger) validateTrigger() error {
	var errs []error
	set := 0
	check := func(given, valid bool, format string, args ...any) {
		if given {
			set++
		}
		if given && !valid {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(t.Byte != nil, t.Byte != nil && *t.Byte >= 0, "at.byte must be at least 0, got %d", valueOrZero(t.Byte))
	check(t.Pattern != nil, len(t.Pattern) > 0, "at.pattern must not be empty")
	check(t.Opposite != nil, len(t.Opposite) > 0, "at.opposite must not be empty")
	check(t.Segment != 0, t.Segment > 0, "at.segment must be at least 1, got %d", t.Segment)
	check(t.Frame != 0, t.Frame > 0, "at.frame must be at least 1, got %d", t.Frame)
	errs = append(errs, t.checkFrame())
	check(t.Event != "", slices.Contains(triggerEvents[:], t.Event),
		"at.event must be one of %s, got %q", strings.Join(triggerEvents[:], ", "), t.Event)
	check(t.After != 0, t.After > 0, "at.time must be above 0, got %v", t.After)
	if set > 1 {
		errs = append(errs, fmt.Errorf("at takes one of %s, got %d of them", strings.Join(triggerPlaces(), ", "), set))
	}
	return errors.Join(errs...)
}

func valueOrZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// ParseTrigger reads a trigger as it is written in a file: one of {byte: 93},
// {pattern: "\r\n"} or {opposite: "\r\n"} (text or []byte), {segment: 2}, {frame: 3+2, framing: line}, {event: eof}, {time: 200ms}
// (a duration, or a number of milliseconds). An empty map is from the start.
func ParseTrigger(fields map[string]any) (Trigger, error) {
	var t Trigger
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := t.setField(name, fields[name]); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		errs = append(errs, t.validateTrigger())
	}
	if err := errors.Join(errs...); err != nil {
		return Trigger{}, err
	}
	return t, nil
}

// Fields returns the trigger as [ParseTrigger] reads it, nil for the zero Trigger.
func (t Trigger) Fields() map[string]any {
	switch {
	case t.Byte != nil:
		return map[string]any{"byte": *t.Byte}
	case t.Pattern != nil:
		return map[string]any{"pattern": string(t.Pattern)}
	case t.Opposite != nil:
		return map[string]any{"opposite": string(t.Opposite)}
	case t.Segment != 0:
		return map[string]any{"segment": t.Segment}
	case t.Frame != 0:
		return map[string]any{"frame": t.FrameText(), "framing": t.Framing}
	case t.Event != "":
		return map[string]any{"event": t.Event}
	case t.After != 0:
		return map[string]any{"time": t.After.Milliseconds()}
	}
	return nil
}

// setField reads one field of a trigger.
func (t *Trigger) setField(name string, value any) error {
	switch name {
	case "byte":
		n, err := parseSize(value)
		t.Byte = &n
		return prefixError("at.byte", err)
	case "segment":
		n, err := parseInt(value)
		if err == nil && (n < 1 || n > 1<<31-1) {
			err = fmt.Errorf("must be 1 to %d, got %d", 1<<31-1, n)
		}
		t.Segment = int(n)
		return prefixError("at.segment", err)
	case "frame":
		err := t.setFrame(value)
		return prefixError("at.frame", err)
	case "framing":
		text, ok := value.(string)
		if t.Framing = text; !ok || text == "" {
			return fmt.Errorf("at.framing must be a framing such as line or length-prefix=4, got %v", value)
		}
		return nil
	case "time":
		ms, err := parseMilliseconds(value)
		if err == nil && (ms < 1 || ms > MaxMilliseconds) {
			err = fmt.Errorf("must be 1ms to %d ms, got %v", int64(MaxMilliseconds), value)
		}
		t.After = time.Duration(ms) * time.Millisecond
		return prefixError("at.time", err)
	case "pattern":
		return setPattern("at.pattern", &t.Pattern, value)
	case "opposite":
		return setPattern("at.opposite", &t.Opposite, value)
	case "event":
		text, ok := value.(string)
		if !ok || text == "" {
			return fmt.Errorf("at.event must be one of %s, got %v", strings.Join(triggerEvents[:], ", "), value)
		}
		t.Event = text
		return nil
	}
	return fmt.Errorf("at.%s is unknown%s", name, didYouMean(name, TriggerFields()))
}

// TriggerFields returns the names of what a trigger may be, as [ParseTrigger]
// reads them.
func TriggerFields() []string {
	return append(triggerPlaces(), "framing")
}

// triggerPlaces are the fields of which one is given.
func triggerPlaces() []string {
	return []string{"byte", "pattern", "opposite", "segment", "frame", "event", "time"}
}

// TriggerEvents returns the values of [Trigger.Event].
func TriggerEvents() []string { return slices.Clone(triggerEvents[:]) }

func setPattern(name string, into *[]byte, value any) error {
	switch pattern := value.(type) {
	case string:
		*into = []byte(pattern)
	case []byte:
		*into = slices.Clone(pattern)
	default:
		return fmt.Errorf("%s must be text or bytes, got %v", name, value)
	}
	if len(*into) == 0 {
		return fmt.Errorf("%s must not be empty", name)
	}
	return nil
}

// prefixError puts the subject before an error, if there is one.
func prefixError(subject string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %w", subject, err)
}
