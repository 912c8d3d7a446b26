package peer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// An interceptor answers the connects of a process and of all that it starts.
type interceptor struct {
	reply    func(to netip.AddrPort) ConnectReply
	datagram func(to netip.AddrPort) ConnectReply // nil: the kernel goes on
	files    otherFiles
	sends    func(Send) int // nil: the kernel goes on
	pair     [2]*os.File    // ours and the launcher's end
	listener int
	running  context.Context // until stop is called
	stop     context.CancelFunc
	working  sync.WaitGroup
}

// prepareInterception has the process be started through a launcher. Nil: nobody wants to
// answer its connects.
func (p *Process) prepareInterception() (*interceptor, error) {
	if p.command.OnConnect == nil {
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := exec.LookPath(p.cmd.Path)
	if err != nil {
		return nil, err
	}
	var files otherFiles
	if err := errors.Join(files.addFile(hostsPath, p.command.Hosts), files.addFile(resolvConfPath, p.command.ResolvConf)); err != nil {
		files.closeAll()
		return nil, err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		files.closeAll()
		return nil, err
	}
	i := &interceptor{reply: p.command.OnConnect, datagram: p.command.OnDatagramConnect, files: files, sends: p.command.OnSend, listener: -1,
		pair: [2]*os.File{os.NewFile(uintptr(fds[0]), "launcher"), os.NewFile(uintptr(fds[1]), "launcher")}}
	i.running, i.stop = context.WithCancel(context.Background())
	p.cmd.Path, p.cmd.ExtraFiles = self, []*os.File{i.pair[1]}
	p.cmd.Env = append(p.cmd.Env, launcherVariable+"="+program)
	if len(files) > 0 {
		p.cmd.Env = append(p.cmd.Env, filesVariable+"=1")
	}
	if i.sends != nil {
		p.cmd.Env = append(p.cmd.Env, sendsVariable+"=1")
	}
	return i, nil
}

// startAnswering receives the descriptor from the launcher and answers from then on.
func (i *interceptor) startAnswering() error {
	if i == nil {
		return nil
	}
	defer i.closePair()
	i.pair[1].Close()
	if err := unix.SetsockoptTimeval(int(i.pair[0].Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(guardianBound / time.Second)}); err != nil {
		return err
	}
	reason, control := make([]byte, 200), make([]byte, unix.CmsgSpace(4))
	var size int
	n, err := eintr.Retry(func() (n int, err error) { // a call with a time limit is not restarted
		n, size, _, _, err = unix.Recvmsg(int(i.pair[0].Fd()), reason, control, unix.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil {
		return fmt.Errorf("launcher: %w", err)
	}
	messages, _ := unix.ParseSocketControlMessage(control[:size])
	if len(messages) == 0 {
		return fmt.Errorf("%w: %s", ErrNoInterception, reason[:n])
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	i.listener = fds[0]
	i.working.Go(i.serve)
	_, err = i.pair[0].Write([]byte{1})
	return err
}

func (i *interceptor) closePair() {
	i.pair[0].Close()
	i.pair[1].Close()
}

// abandon is for a process that was not started.
func (i *interceptor) abandon() {
	if i != nil {
		i.closePair()
		i.files.closeAll()
	}
}

// end stops answering, once nothing is left of the process.
func (i *interceptor) end() {
	if i == nil || i.listener < 0 {
		return
	}
	i.stop()
	i.working.Wait()
	unix.Close(i.listener)
	i.listener = -1
	i.files.closeAll()
}

// servePoll is how often it is looked whether to stop: the kernel tells the end of the
// last process only since Linux 5.10.
const servePoll = 20 * time.Millisecond

// serve answers until the processes are gone.
func (i *interceptor) serve() {
	for {
		fds := []unix.PollFd{{Fd: int32(i.listener), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(servePoll/time.Millisecond))
		switch {
		case i.running.Err() != nil, err != nil && err != unix.EINTR, fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0:
			return
		case n <= 0:
			continue
		}
		var call notification
		if i.controlListener(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) == nil {
			i.working.Go(func() { i.answer(call) })
		}
	}
}

// controlListener is ioctl(2) on the listener. The kernel waits for a lock there, and a signal of
// the runtime ends that: an answer that is lost leaves the process in connect.
func (i *interceptor) controlListener(request uint, argument unsafe.Pointer) error {
	_, err := eintr.Retry(func() (int, error) {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(i.listener), uintptr(request), uintptr(argument))
		if errno != 0 {
			return 0, errno
		}
		return 0, nil
	})
	return err
}

// A notification is struct seccomp_notif: a call that waits for its answer.
type notification struct {
	id        uint64
	pid, _    uint32 // that of the thread; flags
	number    int32  // of the call
	_         uint32 // architecture
	_         uint64 // instruction
	arguments [6]uint64
}

// answered is struct seccomp_notif_resp.
type answered struct {
	id    uint64
	value int64 // what the call returns
	errno int32
	flags uint32
}
