// Package packed passes texts and numbers to another process of the same program: without names
// and types, at a small part of what JSON costs.
//
//	b = packed.AppendText(b, "kv")
//	b = packed.AppendNumber(b, 7)
//
//	r := packed.NewReader(b, 1<<20)
//	name, line := r.Text(), r.Number()
//	if err := r.End(); err != nil { … }
package packed

import (
	"encoding/binary"
	"errors"
)

// errNotPacked is for bytes that the functions of this package did not make, in this order.
var errNotPacked = errors.New("not packed data")

// AppendNumber appends a number, from 0 on.
func AppendNumber(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

// AppendText appends a text, which may have any bytes.
func AppendText[T string | []byte](b []byte, text T) []byte {
	return append(AppendNumber(b, len(text)), text...)
}

// A Reader reads what was appended, in the same order. What it returns after a failure is zero;
// [Reader.End] tells of one. It is not safe for concurrent use.
type Reader struct {
	left   string
	most   int
	failed bool
}

// NewReader returns a reader of all of b, to which a number larger than most is a failure.
func NewReader(b []byte, most int) *Reader { return &Reader{left: string(b), most: most} }

// Number returns a number.
func (r *Reader) Number() int {
	v, size := binary.Uvarint([]byte(r.left[:min(len(r.left), binary.MaxVarintLen64)]))
	if size <= 0 || v > uint64(r.most) {
		r.Fail()
		return 0
	}
	r.left = r.left[size:]
	return int(v)
}

// Count returns a number of things that follow, each of which takes a byte at least: more than
// there are bytes is a failure, before anything is made for them.
func (r *Reader) Count() int {
	n := r.Number()
	if n > len(r.left) {
		r.Fail()
		return 0
	}
	return n
}

// Text returns a text, which shares memory with all others of the reader.
func (r *Reader) Text() string {
	size := r.Count()
	text := r.left[:size]
	r.left = r.left[size:]
	return text
}

// Fail says that what was read cannot be. Nothing more is read.
func (r *Reader) Fail() { r.left, r.failed = "", true }

// Failed reports whether there was a failure.
func (r *Reader) Failed() bool { return r.failed }

// End returns an error if there was a failure, or if something is left.
func (r *Reader) End() error {
	if r.failed || r.left != "" {
		return errNotPacked
	}
	return nil
}
