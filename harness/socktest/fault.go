package socktest

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

// A Fault is what [Proxy.Inject] does to connections. Faults are values: the methods
// return a changed copy. A mistake in one is reported by Inject.
type Fault struct {
	spec spec.Spec
	err  error
}

// Toxic returns the fault of that type of toxic, with its attributes by name: any of
// `harness toxics`, and any that the program has registered with Toxiproxy.
//
//	socktest.Toxic(socktest.Downstream, "bandwidth", map[string]any{"rate": 64})
func Toxic(d Direction, kind string, attributes map[string]any) Fault {
	return Fault{spec: spec.Spec{Type: kind, Direction: event.Direction(d), Attributes: maps.Clone(attributes)}}
}

// ParseFault reads a fault as the command's flags and scenario files have it, such
// as "half_close direction=downstream at.byte=93".
func ParseFault(text string) Fault {
	spec, err := toxics.ParseFlag(text)
	return Fault{spec: spec, err: err}
}

// ResetAt resets both sides once so many bytes have passed in the direction and were
// read by their receiver. It does not wait for the byte after. At 0 it waits for the
// first byte and drops it: the request has arrived, and no byte of the reply. (A reset
// right at the start, see [Fault.AtByte], may come before the client's connect has
// returned, and is an error of that then.)
func ResetAt(d Direction, byte int64) Fault { return Toxic(d, "reset", nil).after(byte) }

// HalfCloseAt ends the stream of that direction by FIN after so many bytes; at 0 when
// the first byte comes. The other direction stays open; what the source still sends is
// discarded.
func HalfCloseAt(d Direction, byte int64) Fault { return Toxic(d, "half_close", nil).after(byte) }

// VanishAt ends the stream of that direction by FIN after so many bytes, at 0 when the
// first byte comes, and answers whatever its receiver sends from then on by a reset:
// what a process that has closed its socket looks like. The source's connection is
// closed.
func VanishAt(d Direction, byte int64) Fault { return Toxic(d, "vanish", nil).after(byte) }

// StallAt stops forwarding after so many bytes, at 0 when the first byte comes, without
// ending anything. The bytes flow on when the injection is removed.
func StallAt(d Direction, byte int64) Fault { return Toxic(d, "stall", nil).after(byte) }

// SplitAt cuts the stream at the given offsets: what follows each leaves when the
// receiver has read everything before it.
func SplitAt(d Direction, bytes ...int64) Fault {
	return Toxic(d, "slice", map[string]any{"offsets": bytes})
}

// Drip cuts the whole stream into pieces of so many bytes, each of which leaves when
// the receiver has read the one before.
func Drip(d Direction, size int64) Fault {
	return Toxic(d, "slice", map[string]any{"size": size})
}

// Coalesce holds what passes and sends it on as one piece: when nothing came for the
// given time, or the stream has ended.
func Coalesce(d Direction, wait time.Duration) Fault {
	return Toxic(d, "coalesce", map[string]any{"wait": wait.String()})
}

// Latency delays everything in that direction by the time, give or take the jitter,
// which is drawn from the seed. Times are rounded to milliseconds.
func Latency(d Direction, delay time.Duration, jitter ...time.Duration) Fault {
	attributes := map[string]any{"latency": delay.Milliseconds()}
	if len(jitter) > 0 {
		attributes["jitter"] = jitter[0].Milliseconds()
	}
	f := Toxic(d, "latency", attributes)
	if len(jitter) > 1 {
		f.err = fmt.Errorf("latency: got %d jitters, want one at most", len(jitter))
	}
	return f
}

// Bandwidth limits the direction to so many kilobytes (1,000 bytes) a second.
func Bandwidth(d Direction, rate int64) Fault {
	return Toxic(d, "bandwidth", map[string]any{"rate": rate})
}

// Corrupt flips bits of the bytes at the given offsets: one random bit of each, drawn
// from the seed.
func Corrupt(d Direction, bytes ...int64) Fault {
	return Toxic(d, "corrupt", map[string]any{"offsets": bytes})
}

// InsertAt puts bytes into the stream of that direction after so many bytes, at 0 when
// the first byte comes.
func InsertAt(d Direction, byte int64, data string) Fault {
	return Toxic(d, "inject", map[string]any{"data": []uint8(data)}).after(byte)
}

// Substitute puts other bytes in the place of the first occurrence of match; without
// data it takes match out.
func Substitute(d Direction, match, data string) Fault {
	return Toxic(d, "inject", map[string]any{"match": []byte(match), "data": []byte(data)})
}

// after lets the fault begin when so many bytes have passed, but not before there is a
// byte: what strikes sooner, strikes at some moment between the client's connect and
// the end of its request.
func (f Fault) after(n int64) Fault {
	if n == 0 {
		return f.at(spec.Trigger{Segment: 1})
	}
	return f.AtByte(n)
}

// AtByte lets the fault begin once so many bytes have passed: of the stream, or
// since it was injected into a connection that is open. It does not wait for the
// byte after; 0 is at once when the connection is made.
func (f Fault) AtByte(n int64) Fault { return f.at(spec.Trigger{Byte: &n}) }

// AfterText lets the fault begin right after the first occurrence of the text in its
// own direction.
func (f Fault) AfterText(text string) Fault { return f.at(spec.Trigger{Pattern: []byte(text)}) }

// AfterOpposite lets the fault begin as soon as the other direction has carried the
// text, before the text is sent on: before anything that answers it.
func (f Fault) AfterOpposite(text string) Fault {
	return f.at(spec.Trigger{Opposite: []byte(text)})
}

// AfterTime lets the fault begin so long after the connection was made.
func (f Fault) AfterTime(d time.Duration) Fault { return f.at(spec.Trigger{After: d}) }

// AtFrame lets the fault begin in the n-th message of its direction, from 1: before the
// first byte when that comes, or once so many bytes of the message have passed. Framing says where messages end,
// as in a dialogue: "line", "length-prefix=4", "resp", "http" and others.
func (f Fault) AtFrame(framing string, n int, after int64) Fault {
	return f.at(spec.Trigger{Frame: n, FrameOffset: after, Framing: framing})
}

// AtEnd lets the fault begin when the source of its direction has ended its stream:
// a [StallAt] 0 so holds back the FIN alone.
func (f Fault) AtEnd() Fault { return f.at(spec.Trigger{Event: "eof"}) }

func (f Fault) at(t spec.Trigger) Fault {
	f.spec.At = t
	return f
}

// On restricts the fault to one connection of the proxy, by its number from 1, or
// with a second number to all from the first to the last.
func (f Fault) On(first int, last ...int) Fault {
	end := first
	if len(last) > 0 {
		end = last[len(last)-1]
	}
	if first < 1 || end < first || len(last) > 1 {
		f.err = fmt.Errorf("connections are numbered from 1, first to last, got %v", append([]int{first}, last...))
		return f
	}
	f.spec.Connection, f.spec.LastConnection = uint64(first), uint64(end)
	return f
}

// Sometimes gives the fault to that share of the connections, above 0 and up to 1,
// drawn from the seed.
func (f Fault) Sometimes(share float64) Fault {
	if !(share > 0 && share <= 1) {
		f.err = fmt.Errorf("share of the connections must be above 0 and up to 1, got %v", share)
		return f
	}
	f.spec.Toxicity = share
	return f
}

// String returns the fault as [ParseFault] reads it.
func (f Fault) String() string { return toxics.FormatFlag(f.spec) }

// toxic builds what runs in the proxy's connections, under the given name. Some must
// be there before the proxy listens.
func (f Fault) toxic(name string, listening bool) ([]proxy.Toxic, error) {
	f.spec.Name = name
	made, err := toxics.MakeToxic(f.spec)
	switch {
	case err != nil && f.isForDatagrams():
		return nil, fmt.Errorf("toxic %s works on datagrams: inject it into what NewPacketProxy returns", f.spec.Type)
	case err != nil:
		return nil, err
	case made.Refuse:
		return nil, errors.New("toxic refuse acts on the port: call Refuse of the proxy instead")
	case listening && made.Window != (hook.SocketLimits{}):
		return nil, fmt.Errorf("toxic %s must be set before the proxy listens: pass it to NewProxy with the option Faults", f.spec.Type)
	}
	return proxy.FromToxic(made), nil
}
