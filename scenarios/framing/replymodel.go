package framing

import (
	"bytes"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/scenario"
)

// A sample is one exchange of one message each.
type sample struct {
	step         dialogue.Step
	asked, given []byte // bodies
}

// A replyModel is how the answer follows from the request wherever the dialogue
// shows it: the same bytes, each mapped by itself, between a constant prefix and
// suffix.
type replyModel struct {
	framing        dialogue.Framing
	samples        []sample
	prefix, suffix []byte
	maps           []func(byte) byte // all that fit the samples
	seen           [256]bool         // in a request
	binary         bool              // bytes above 0x7f were among them
}

func identityMap(b byte) byte { return b }

func toUpper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}

func toLower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b - 'A' + 'a'
	}
	return b
}

// learnModel returns the relation of a dialogue, nil where it shows none. Two
// different requests must agree on it and none contradict.
func learnModel(s *dialogue.Script) *replyModel {
	r := &replyModel{framing: s.Framing, samples: wholeSamples(s)}
	longest, different := []byte(nil), false
	for _, one := range r.samples {
		if len(one.asked) > len(longest) {
			longest = one.asked
		}
		different = different || !bytes.Equal(one.asked, r.samples[0].asked)
		for _, b := range one.asked {
			r.seen[b] = true
			r.binary = r.binary || b > 0x7f
		}
	}
	if len(longest) == 0 || !different {
		return nil
	}
	for _, f := range []func(byte) byte{identityMap, toUpper, toLower} {
		r.fitMap(longest, f)
	}
	if len(r.maps) == 0 {
		return nil
	}
	return r
}

// fitMap adds the map if it explains every sample.
func (r *replyModel) fitMap(longest []byte, f func(byte) byte) {
	for _, one := range r.samples {
		if !bytes.Equal(one.asked, longest) {
			continue
		}
		at := bytes.Index(one.given, mapBody(longest, f))
		if at < 0 {
			return
		}
		r.prefix, r.suffix = one.given[:at], one.given[at+len(longest):]
	}
	for _, one := range r.samples {
		if !bytes.Equal(one.given, r.surroundBody(mapBody(one.asked, f))) {
			return
		}
	}
	r.maps = append(r.maps, f)
}

func mapBody(body []byte, f func(byte) byte) []byte {
	var table [256]byte
	for b := range table {
		table[b] = f(byte(b))
	}
	out := make([]byte, len(body))
	for i, b := range body {
		out[i] = table[b]
	}
	return out
}

func (r *replyModel) surroundBody(body []byte) []byte {
	return append(append(bytes.Clone(r.prefix), body...), r.suffix...)
}

// predictReply returns the body of the answer to body. ok is false where the samples
// do not tell: they leave two ways to map one of its bytes.
func (r *replyModel) predictReply(body []byte) (answer []byte, ok bool) {
	changes := len(r.maps) > 1 || r.maps[0]('a') != 'a' || r.maps[0]('A') != 'A'
	var known [256]bool
	for i := range known {
		b := byte(i)
		known[i] = (b <= 0x7f || !changes || r.binary) &&
			!slices.ContainsFunc(r.maps, func(f func(byte) byte) bool { return f(b) != r.maps[0](b) })
	}
	for _, b := range body {
		if !known[b] {
			return nil, false
		}
	}
	return r.surroundBody(mapBody(body, r.maps[0])), true
}

// fillerBody returns a body of n bytes that were all seen in requests, without a
// period that a buffer could have.
func (r *replyModel) fillerBody(n int) []byte {
	var letters []byte
	for b := range 256 {
		if r.seen[b] && '!' <= b && b <= '~' {
			letters = append(letters, byte(b))
		}
	}
	if len(letters) == 0 {
		return bytes.Repeat(r.samples[0].asked, n/max(1, len(r.samples[0].asked))+1)[:n]
	}
	out := make([]byte, n)
	at, most := 0, len(letters)
	for row := range slices.Chunk(out, 1009) { // one letter is left out after each
		for line := range slices.Chunk(row, most) { // and after each of these
			for i := range line {
				line[i] = letters[at]
				if at++; at == most {
					at = 0
				}
			}
			at = (at + 1) % most
		}
		at = (at + 1) % most
	}
	return out
}

// scriptFor asks the bodies, one after the other, expects the answers that follow
// from the relation, and then holds a recorded exchange, which shows whether both
// sides still agree where messages begin. ok is false where an answer is not known.
func (r *replyModel) scriptFor(s *dialogue.Script, bodies ...[]byte) (script *dialogue.Script, ok bool) {
	out := *s
	out.Steps, out.End = nil, dialogue.ClientCloses
	for _, body := range bodies {
		answer, known := r.predictReply(body)
		ask, err := r.frameRequest(body)
		reply, failed := r.frameReply(answer)
		if !known || err != nil || failed != nil {
			return nil, false
		}
		out.Steps = append(out.Steps, dialogue.Step{Send: ask, Expect: dialogue.Pattern{{SentBytes: reply}}})
	}
	out.Steps = append(out.Steps, r.samples[0].step)
	return &out, true
}

// frameRequest returns body as a message with the header of a recorded request.
func (r *replyModel) frameRequest(body []byte) ([]byte, error) {
	return r.framing.FrameLike(r.samples[0].step.Send, body)
}

// frameReply returns body as a message with the header of a recorded answer.
func (r *replyModel) frameReply(body []byte) ([]byte, error) {
	recorded, _ := r.samples[0].step.Expect.LiteralBytes()
	return r.framing.FrameLike(recorded, body)
}

// wholeSamples returns the exchanges that are whole requests, of exactly one message each.
func wholeSamples(s *dialogue.Script) []sample {
	var all []sample
	for i, step := range s.Steps {
		if !scenario.IsWholeRequest(s, i) || s.WritesCaptured(i) || step.Once {
			continue
		}
		one := &dialogue.Script{Framing: s.Framing, Steps: []dialogue.Step{step}}
		reply, ok := step.Expect.LiteralBytes()
		asked, single := onlyBody(one.RequestParts(), step.Send)
		given, alone := onlyBody(one.ReplyParts(), reply)
		if ok && single && alone && !step.ShutdownWrite && step.Connect == nil {
			all = append(all, sample{step, asked, given})
		}
	}
	return all
}

// onlyBody returns the body of the only message of b.
func onlyBody(parts []dialogue.Part, b []byte) (body []byte, ok bool) {
	for _, p := range parts {
		if p.Message > 0 {
			return nil, false
		}
		if p.Kind == "body" {
			body = b[p.From:p.To]
		}
	}
	return body, len(parts) > 0
}
