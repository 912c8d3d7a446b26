package dialogue

// A Cutter tells where messages end in a stream that comes piece by piece. It keeps of
// a message no more than it must look at again.
type Cutter struct {
	framing  Framing
	pending  []byte // of the message under way, unless its size is known
	measured progress
	left     int // bytes of the message under way that are still to come, once its size is known
}

// NewCutter returns a Cutter for a stream that begins with a message.
func NewCutter(f Framing) *Cutter { return &Cutter{framing: f} }

// Cut takes the next piece of the stream as far as the message goes that is under way,
// and returns how many bytes of it that are, and whether the message ends with them.
// The rest is to be given to the next call. The error says why the stream cannot be made of such
// messages; nothing can be cut afterwards.
func (c *Cutter) Cut(data []byte) (n int, whole bool, err error) {
	if c.left > 0 {
		n = min(c.left, len(data))
		c.left -= n
		return n, c.left == 0, nil
	}
	before := len(c.pending)
	c.pending = append(c.pending, data...)
	s, whole, err := c.framing.measureFirst(c.pending, &c.measured, false)
	if err != nil {
		return 0, false, err
	}
	size := s.totalSize()
	switch {
	case whole:
		n = size - before
		c.framing = c.framing.after(c.pending[:size])
		c.pending, c.measured = c.pending[:0], progress{}
	case size > len(c.pending):
		n, c.left = len(data), size-len(c.pending)
		c.framing = c.framing.after(c.pending)
		c.pending, c.measured = nil, progress{}
	default:
		n = len(data)
	}
	return n, whole, nil
}
