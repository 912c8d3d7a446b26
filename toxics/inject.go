package toxics

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	tp "github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/toxics/engine"
	"github.com/sockharness/harness/toxics/spec"
)

// injectEntry is what puts bytes into a stream that its source has not sent.
func injectEntry() entry {
	return entry{
		Kind: spec.Kind{
			Name:    "inject",
			Summary: "puts given bytes into the stream, or in the place of others",
			Description: "Puts data into the stream at its trigger, without one before the first byte. With replace, that number of bytes that follow is taken out in its place, " +
				"with match each occurrence of these bytes from the trigger on; without data they are just taken out. With match, bytes that may be the " +
				"beginning of an occurrence wait for what follows them. Offsets of toxics behind this one count what was put in. An update strikes anew.",
			Attributes: []spec.Attribute{
				{Name: "data", Kind: spec.Text, Default: "", Max: spec.MaxText, Summary: "the bytes that are put in, as text, or hex digits behind hex:"},
				{Name: "replace", Kind: spec.Bytes, Default: int64(0), Unit: "bytes", Max: spec.MaxSize, Summary: "how many bytes of the stream are taken out in their place"},
				{Name: "match", Kind: spec.Text, Default: "", Max: spec.MaxText, Summary: "bytes that are taken out in their place, written like data"},
				{Name: "count", Kind: spec.Int, Default: int64(1), Max: spec.MaxSize, Summary: "at how many occurrences of match; 0: at all"},
			},
			Directions: spec.BothDirections(),
		},
		build: buildInject,
	}
}

func buildInject(s spec.Settings, t *Toxic) error {
	data, match, replace := s.Text("data"), s.Text("match"), s.Int("replace")
	switch {
	case len(match) > 0 && replace > 0:
		return errors.New("give match or replace, got both")
	case len(match) > 0:
		t.useBehavior(substitution{data: data, match: match, count: s.Int("count")})
	case len(data) == 0 && replace == 0:
		return errors.New("give data to put in, or replace or match to take out")
	default:
		t.useBehavior(insertion{data: data, replace: replace})
	}
	return nil
}

// An insertion puts bytes in at one place, of others or of none.
type insertion struct {
	data    []byte
	replace int64 // how many bytes of the stream they stand for
}

func (i insertion) StartOn(f *engine.Flow) tp.Toxic {
	return &insertionPipe{Flow: f, insertion: i, left: i.replace}
}

type insertionPipe struct {
	*engine.Flow
	insertion
	queued bool  // data is, or was, what is to be sent on
	left   int64 // Bytes that are still to be taken out
}

func (p *insertionPipe) Pipe(stub *tp.ToxicStub) {
	if p.replace == 0 && !p.putIn(stub) {
		return
	}
	p.RelayChunks(stub, p.takeOut)
}

// putIn sends the data on at once; false when Pipe has to return.
func (p *insertionPipe) putIn(stub *tp.ToxicStub) bool {
	if !p.queued {
		if !p.SendPending(stub) {
			return false
		}
		p.Sending, p.queued = &stream.StreamChunk{Data: slices.Clone(p.data), Timestamp: time.Now()}, true
	}
	if !p.SendPending(stub) {
		return false
	}
	p.reportPutIn()
	return true
}

// reportPutIn reports data that has just been sent on, the first time.
func (p *insertionPipe) reportPutIn() {
	at := p.Offset - int64(len(p.data))
	p.ReportStruck(at, "%s put in at byte %d", plural.Count(len(p.data), "byte"), at)
}

// takeOut takes bytes out of c, and puts the data in their place before the first one.
func (p *insertionPipe) takeOut(c *stream.StreamChunk) {
	p.Sending = c
	if p.left == 0 {
		return
	}
	n := min(p.left, int64(len(c.Data)))
	p.left -= n
	rest := c.Data[n:]
	if !p.queued {
		p.queued = true
		p.ReportStruck(p.Offset, "%s put in at byte %d in the place of %d", plural.Count(len(p.data), "byte"), p.Offset, p.replace)
		rest = slices.Concat(p.data, rest)
	}
	if p.Sending = nil; len(rest) > 0 {
		p.Sending = &stream.StreamChunk{Data: rest, Timestamp: c.Timestamp}
	}
}

// Cleanup sends on what the toxic holds, the data too if it was about to be.
func (p *insertionPipe) Cleanup(stub *tp.ToxicStub) {
	pending := p.replace == 0 && p.queued && !p.Struck
	p.Flow.Cleanup(stub)
	if pending && p.Sending == nil {
		p.reportPutIn()
	}
}

// A substitution puts bytes in the place of others, wherever these occur.
type substitution struct {
	data, match []byte
	count       int64 // At how many places; 0: at all
}

func (s substitution) StartOn(f *engine.Flow) tp.Toxic {
	return &substitutionPipe{Flow: f, substitution: s}
}

type substitutionPipe struct {
	*engine.Flow
	substitution
	done int64 // how many were substituted
}

func (p *substitutionPipe) Pipe(stub *tp.ToxicStub) {
	for p.SendPending(stub) {
		switch c, what := p.TakeChunk(stub); {
		case what == engine.Stopped:
			return
		case what == engine.GotChunk:
			p.substitute(c)
		case p.Retained != nil: // the stream has ended within what could have been a match
			p.Sending, p.Retained = p.Retained, nil
		default:
			stub.Close()
			return
		}
	}
}

func (p *substitutionPipe) isDone() bool { return p.count > 0 && p.done >= p.count }

// substitute sends on c with its matches substituted, but for the beginning of another one.
func (p *substitutionPipe) substitute(c *stream.StreamChunk) {
	data := c.Data
	if p.Retained != nil {
		data = slices.Concat(p.Retained.Data, data)
		p.Retained = nil
	}
	var out []byte
	for !p.isDone() {
		i := bytes.Index(data, p.match)
		if i < 0 {
			break
		}
		at := p.Offset + int64(len(out)+i)
		p.ReportStruck(at, "%s put in at byte %d in the place of %d", plural.Count(len(p.data), "byte"), at, len(p.match))
		out = slices.Concat(out, data[:i], p.data)
		data = data[i+len(p.match):]
		p.done++
	}
	if n := beginningAtEnd(data, p.match); n > 0 && !p.isDone() {
		p.Retained = &stream.StreamChunk{Data: slices.Clone(data[len(data)-n:]), Timestamp: c.Timestamp}
		data = data[:len(data)-n]
	}
	if out = slices.Concat(out, data); len(out) > 0 {
		p.Sending = &stream.StreamChunk{Data: out, Timestamp: c.Timestamp}
	}
}

// beginningAtEnd returns how many bytes of a proper beginning of match data ends with, at most.
func beginningAtEnd(data, match []byte) int {
	for n := min(len(match)-1, len(data)); n > 0; n-- {
		if bytes.HasSuffix(data, match[:n]) {
			return n
		}
	}
	return 0
}
