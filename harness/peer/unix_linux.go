package peer

import "github.com/prometheus/procfs"

// listensUnix reports whether a unix socket is known to listen at the path.
func listensUnix(path string) bool {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return false
	}
	all, err := fs.NetUNIX()
	if err != nil {
		return false
	}
	const listening = 1 << 16 // __SO_ACCEPTCON, unix(7)
	for _, s := range all.Rows {
		if s.Path == path && s.Flags&listening != 0 {
			return true
		}
	}
	return false
}
