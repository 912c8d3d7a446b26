package packed

import "testing"

func TestReaderReturnsWhatWasAppended(t *testing.T) {
	b := AppendText(AppendNumber(AppendText(nil, "a\x00b"), 300), []byte{})
	r := NewReader(b, 300)
	if text, n, empty := r.Text(), r.Number(), r.Text(); text != "a\x00b" || n != 300 || empty != "" || r.End() != nil {
		t.Errorf("got %q, %d, %q, %v", text, n, empty, r.End())
	}
	for size := range b {
		r := NewReader(b[:size], 300)
		r.Text()
		r.Number()
		r.Text()
		if r.End() == nil || !r.Failed() {
			t.Errorf("%d of %d bytes are taken for all", size, len(b))
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, read := range map[string]func(*Reader){
		"a number above the limit":  func(r *Reader) { r.Number() },
		"more things than bytes":    func(r *Reader) { r.most = 1000; r.Count() },
		"a text longer than it is":  func(r *Reader) { r.most = 1000; r.Text() },
		"bytes that were not read":  func(r *Reader) { r.most = 1000; r.Number() },
		"what the caller calls bad": func(r *Reader) { r.Fail() },
	} {
		r := NewReader(AppendText(AppendNumber(nil, 500), "xy"), 499)
		if read(r); r.End() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
