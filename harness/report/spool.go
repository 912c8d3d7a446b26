package report

import "io"

// spoolChunk is how much a spool takes at a time.
const spoolChunk = 256 << 10

// A spool keeps what is written to it in pieces. A [bytes.Buffer] would copy a report of
// 50 MB each time that it grows, and hold twice that meanwhile.
type spool struct{ chunks [][]byte }

// Write implements [io.Writer]; it never fails.
func (s *spool) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		last := len(s.chunks) - 1
		if last < 0 || len(s.chunks[last]) == cap(s.chunks[last]) {
			s.chunks = append(s.chunks, make([]byte, 0, spoolChunk))
			last++
		}
		n := min(len(p), cap(s.chunks[last])-len(s.chunks[last]))
		s.chunks[last] = append(s.chunks[last], p[:n]...)
		p = p[n:]
	}
	return written, nil
}

// WriteTo implements [io.WriterTo]. It may be called again.
func (s spool) WriteTo(w io.Writer) (n int64, err error) {
	for _, chunk := range s.chunks {
		written, err := w.Write(chunk)
		n += int64(written)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
