//go:build !linux

package sock

import (
	"context"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/sockharness/harness/harness/wire"
)

type client struct{}

func openClient() (*client, error) { return nil, ErrUnsupported }

func (*client) lookup(_, _ netip.AddrPort) (Socket, error) { return Socket{}, ErrUnsupported }

func (*client) listeners() ([]Listener, error) { return nil, ErrUnsupported }

func (*client) close() {}

func tcpInfo(syscall.Conn) (Info, error) { return Info{}, ErrUnsupported }

func outQueue(syscall.Conn) (int, error) { return 0, ErrUnsupported }

func inQueue(syscall.Conn) (int, error) { return 0, ErrUnsupported }

func awaitReset(context.Context, Conn) error { return ErrUnsupported }

func watchReset(Conn) error { return ErrUnsupported }

func shape(uintptr, wire.Window) error { return ErrUnsupported }

func descriptorOf(int, uint32) (int, error) { return 0, ErrUnsupported }

func shrinkSendBuffer(int, int, int) error { return ErrUnsupported }

func yield() { runtime.Gosched() }
