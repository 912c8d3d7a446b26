package runcmd

import "os/exec"

// ownGroup does nothing: there is no second ^C to keep away.
func ownGroup(*exec.Cmd) {}
