package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// A ConnectReply says what becomes of a connect(2) of a program: after Delay it fails with
// Errno, or connects to To instead. The zero value lets the kernel go on.
type ConnectReply struct {
	To    netip.AddrPort // where it connects instead; zero: where it says
	Errno syscall.Errno  // what it fails with; 0: it does not
	Delay time.Duration  // how long it takes before that
}

// ErrNoInterception says that this machine does not let us answer the connects of a
// program. It is an [errors.ErrUnsupported].
var ErrNoInterception = fmt.Errorf("connect interception: %w", errors.ErrUnsupported)

// LauncherMain runs the program that this process was started for, when it was started to
// have its connects answered, see [Command].OnConnect, and then does not return. Otherwise it
// returns at once. [GuardianMain] calls it.
func LauncherMain() { launcherMain() }
