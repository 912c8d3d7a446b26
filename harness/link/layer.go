package link

// A WrappedConn is a Conn whose socket carries the stream in another form, such as
// TLS. A link reads and writes its stream, never the socket's own bytes: it does
// not splice. WireCounts returns how many of these were written and read so far.
type WrappedConn interface {
	Conn
	WireCounts() (sent, received int64)
}

func isWrapped(c Conn) bool {
	_, ok := c.(WrappedConn)
	return ok
}

// readWrapped returns what the source has, up to one chunk.
func (l *Link) readWrapped() ([]byte, error) {
	buf := l.cfg.Pool.getBuffer()
	defer l.cfg.Pool.putBuffer(buf)
	n, err := l.src.Conn.Read(buf[:])
	if n > 0 {
		return append([]byte(nil), buf[:n]...), nil
	}
	return nil, err
}

// rawSent returns how many bytes the socket has sent when that many of the
// stream were.
func (s *Side) rawSent(streamed int64) uint64 {
	if layer, ok := s.Conn.(WrappedConn); ok {
		streamed, _ = layer.WireCounts()
	}
	return uint64(s.PreambleBytes + streamed)
}

// rawReceived returns how many bytes were taken from the socket when that many
// of the stream were.
func (s *Side) rawReceived(streamed int64) uint64 {
	if layer, ok := s.Conn.(WrappedConn); ok {
		_, streamed = layer.WireCounts()
	}
	return uint64(streamed)
}

// isTCP reports whether a kernel acknowledges what is sent. That of a unix socket
// hands it over at once, to be read even after the socket is closed.
func (s *Side) isTCP() bool { return s.tcp }

// leavesUnread reports whether what the source has sent is better left unread: the
// destination takes nothing any more, so that a reset is to come, and of a unix
// socket that is to close it with unread input.
func (l *Link) leavesUnread() bool { return l.broken.Load() && !l.src.isTCP() }
