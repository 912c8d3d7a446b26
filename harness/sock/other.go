//go:build !linux

package sock

import (
	"context"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/sockharness/harness/toxics/hook"
)

type client struct{}

func openClient() (*client, error) { return nil, ErrUnsupported }

func (*client) findSocket(_, _ netip.AddrPort) (Socket, error) { return Socket{}, ErrUnsupported }

func (*client) allListeners() ([]Listener, error) { return nil, ErrUnsupported }

func (*client) connections(uint32, uint16, bool) ([]Connection, error) { return nil, ErrUnsupported }

func (*client) unixSockets(uint32) ([]UnixSocket, error) { return nil, ErrUnsupported }

func (*client) closeFD() {}

func tcpInfo(syscall.Conn) (Info, error) { return Info{}, ErrUnsupported }

func outQueue(syscall.Conn) (int, error) { return 0, ErrUnsupported }

func inodeOf(syscall.Conn) (uint32, error) { return 0, ErrUnsupported }

func inQueue(syscall.Conn) (int, error) { return 0, ErrUnsupported }

func awaitReset(context.Context, Conn) error { return ErrUnsupported }

func watchReset(Conn) error { return ErrUnsupported }

func setWindow(uintptr, hook.SocketLimits) error { return ErrUnsupported }

func holders([]uint32) map[uint32][]int { return nil }

func descriptorOf(int, uint32) (int, error) { return 0, ErrUnsupported }

func shrinkSendBuffer(int, int, int) error { return ErrUnsupported }

func leaveSendRoom(context.Context, int, int, int) (int, error) { return 0, ErrUnsupported }

func sendQueueOf(int, int) (int, bool, error) { return 0, false, ErrUnsupported }

func unplug(syscall.Conn) (string, error) { return "", ErrUnsupported }

func replug(syscall.Conn) error { return ErrUnsupported }

func silenceEnd(syscall.Conn) error { return ErrUnsupported }

func yieldCPU() { runtime.Gosched() }
