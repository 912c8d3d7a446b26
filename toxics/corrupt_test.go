package toxics

import (
	"bytes"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"

	"github.com/sockharness/harness/toxics/engine"
)

func TestCorruptOffsets(t *testing.T) {
	b := benchWith(t, newWire(t), "corrupt offsets=6,1,1 mask=32")
	b.send("hel")
	b.expect("hEl")
	b.send("lo world")
	b.expect("lo World")
	close(b.input)
	b.expectClosed()
	b.expectStruck("1: byte 1 changed from 0x65 to 0x45")
}

func TestCorruptFirstByteFromTheTrigger(t *testing.T) {
	b := benchWith(t, newWire(t), "corrupt at.byte=4 mask=32")
	b.send("hello")
	b.expect("hell")
	b.expect("O")
	b.send("more")
	b.expect("more")
	b.expectStruck("4: ")
}

func TestCorruptEveryIsSeeded(t *testing.T) {
	clean := bytes.Repeat([]byte("abcd"), 100)
	run := func(chunk int) []byte {
		b := benchWith(t, newWire(t), "corrupt every=50 count=6")
		var got []byte
		for rest := clean; len(rest) > 0; rest = rest[chunk:] {
			b.input <- &stream.StreamChunk{Data: rest[:chunk], Timestamp: time.Now()}
			got = append(got, (<-b.out).Data...)
		}
		return got
	}
	first, second := run(8), run(100)
	if !bytes.Equal(first, second) {
		t.Error("two runs with one seed differ")
	}
	for block := 0; block < len(clean); block += 50 {
		flipped, want := 0, 1
		for i := block; i < block+50; i++ {
			if first[i] != clean[i] {
				flipped++
			}
		}
		if block >= 300 {
			want = 0
		}
		if flipped != want {
			t.Errorf("block at %d: %d bytes changed, want %d", block, flipped, want)
		}
	}
	if !bytes.Equal(clean, bytes.Repeat([]byte("abcd"), 100)) {
		t.Error("the source's bytes were changed")
	}
}

// What the toxic's predecessor held passes first, and may be longer than a block.
func TestCorruptBehindWhatWasHeld(t *testing.T) {
	for _, every := range []int64{1, 7, 1000} {
		f := &engine.Flow{Link: newWire(t), Sending: &stream.StreamChunk{Data: make([]byte, 900)}}
		p := corruption{every: every, mask: 1}.StartOn(f).(*corruptPipe)
		f.Offset, f.Sending = 900, nil // it was sent on
		p.flipBits(&stream.StreamChunk{Data: make([]byte, 2000)})
		changed := int64(bytes.Count(p.Sending.Data, []byte{1}))
		if least := 2000/every - 1; changed < least || changed > least+2 {
			t.Errorf("every=%d: %d of 2000 bytes changed", every, changed)
		}
	}
}
