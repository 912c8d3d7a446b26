package runcmd

import (
	"net"
	"os"
	"runtime"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/plural"
)

// leastDescriptors is how many files this process and each worker must be able to open:
// a crowd of 100 clients has a proxied connection each.
const leastDescriptors = 512

// checkMachine finds what the harness itself lacks before anything starts, so that it is
// not taken for a fault of the program under test. Each answer is one sentence.
func checkMachine() error {
	if runtime.GOOS == "linux" {
		if _, err := os.Stat("/proc/self/stat"); err != nil {
			return cli.HarnessErrorf("/proc is not mounted: processes cannot be observed without it; mount it, for instance with `mount -t proc proc /proc`")
		}
	}
	if limit, known := descriptorLimit(); known && limit < leastDescriptors {
		return cli.HarnessErrorf("this process can open only %s, and the harness needs %d; raise the limit, for instance with `ulimit -n 1024`", plural.Count(limit, "file"), leastDescriptors)
	}
	return checkLoopback()
}

// checkLoopback makes a connection to a port of its own.
func checkLoopback() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return loopbackError(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return loopbackError(err)
	}
	return conn.Close()
}

func loopbackError(err error) error {
	return cli.HarnessErrorf("127.0.0.1 cannot be reached: %v; bring the loopback interface up, for instance with `ip link set lo up`", cli.UnderlyingOSError(err))
}
