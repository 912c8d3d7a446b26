package sock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

type synWatcher struct {
	file    *os.File
	raw     syscall.RawConn // of the file
	on      func(ConnectAttempt)
	reading sync.Mutex // held from the read of a packet to the return of on
	done    sync.WaitGroup
}

func watchSYNs(addr netip.AddrPort, on func(ConnectAttempt)) (*synWatcher, error) {
	if !addr.Addr().Is4() || !addr.Addr().IsLoopback() {
		return nil, ErrUnsupported
	}
	loopback, err := loopbackIndex()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", errors.Join(ErrUnsupported, err))
	}
	// Bound last: before, nothing arrives that the filter would not have seen.
	filter := synTo(addr)
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: loopback})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("packet socket: %w", errors.Join(ErrUnsupported, err))
	}
	w := &synWatcher{file: os.NewFile(uintptr(fd), "packet socket"), on: on}
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.file.Close()
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	w.done.Go(w.readLoop)
	return w, nil
}

func loopbackIndex() (int, error) {
	all, err := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Index, nil
		}
	}
	return 0, errors.Join(ErrUnsupported, err)
}

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// synTo is a filter of IPv4 packets: unfragmented TCP to the address, with SYN
// and without ACK. It returns the packet's first bytes, both headers at least.
func synTo(addr netip.AddrPort) []unix.SockFilter {
	const (
		protocolAt, fragmentAt, destinationAt = 9, 6, 16
		portAt, flagsAt                       = 2, 13 // in the TCP header
		flags, syn                            = 0x17, 0x02
		headers                               = 60 + 20
	)
	ip := addr.Addr().As4()
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: protocolAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.IPPROTO_TCP, Jf: 11},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: destinationAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: binary.BigEndian.Uint32(ip[:]), Jf: 9},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: fragmentAt},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x1fff, Jt: 7},
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: portAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(addr.Port()), Jf: 4},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_IND, K: flagsAt},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: headers},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}

// readLoop calls on until the file is closed.
func (w *synWatcher) readLoop() {
	_ = w.raw.Read(func(fd uintptr) bool {
		w.readAll(int(fd))
		return false // until more arrives
	})
}

// drain does what readLoop may not have come to yet. A closed file has nothing left.
func (w *synWatcher) drain() {
	_ = w.raw.Control(func(fd uintptr) { w.readAll(int(fd)) })
}

// readAll calls on for each packet that the kernel has.
func (w *synWatcher) readAll(fd int) {
	w.reading.Lock()
	defer w.reading.Unlock()
	packet, control := make([]byte, 128), make([]byte, 128)
	for {
		n, c, _, _, err := unix.Recvmsg(fd, packet, control, 0)
		if err == unix.EAGAIN {
			return
		}
		if err != nil {
			continue
		}
		if from, ok := sourceAddr(packet[:n]); ok {
			w.on(ConnectAttempt{At: receiveTime(control[:c]), From: from})
		}
	}
}

func sourceAddr(packet []byte) (netip.AddrPort, bool) {
	if len(packet) < 20 {
		return netip.AddrPort{}, false
	}
	header := int(packet[0]&0xf) * 4
	if len(packet) < header+2 {
		return netip.AddrPort{}, false
	}
	from := netip.AddrFrom4([4]byte(packet[12:16]))
	return netip.AddrPortFrom(from, binary.BigEndian.Uint16(packet[header:])), true
}

// receiveTime returns the kernel's time stamp, or the time now.
func receiveTime(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		var t unix.Timespec
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(t)) {
			return time.Unix((*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Unix())
		}
	}
	return time.Now()
}

func (w *synWatcher) closeWatch() {
	_ = w.file.Close()
	w.done.Wait()
}
