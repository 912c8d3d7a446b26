package runcmd

// descriptorLimit is unknown: Windows has none for sockets.
func descriptorLimit() (limit uint64, known bool) { return 0, false }
