package dialogue

// WrongByte returns the first byte that differs from what the script says, and
// whether there is one: a stream that only ended too early has none.
func (m *Mismatch) WrongByte() (byte, bool) {
	at := m.Offset - m.base
	if at < 0 || at >= int64(len(m.Got)) {
		return 0, false
	}
	return m.Got[at], true
}
