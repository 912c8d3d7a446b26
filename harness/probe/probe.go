// Package probe looks into running processes without touching them: whether a
// tree of processes waits forever ([ProveStuck]), what it holds ([MeasureUsage]) and
// whether it burns a processor while nothing moves ([MeasureSpin]). It takes process
// ids; it starts, stops and signals nobody.
//
//	before, err := probe.MeasureUsage(process.ProcessTree()) // descriptors, memory, threads
//	diagnosis, err := probe.ProveStuck(ctx, process.ProcessTree, nil)
//	fmt.Println(diagnosis.Place()) // python3 in recvfrom
//
// # What Stuck proves
//
// A process tree waits forever when all its threads sleep, no thread ran
// between the snapshots (schedstat counts every run), no timer is pending that
// could wake one, no byte is under way to or from it in the kernel, and the
// caller says that nothing is under way on our side. Such a closed system does
// not move again until somebody outside of it acts. The proof errs to one side:
// where a timer cannot be ruled out, the answer is "not stuck", with the reason.
//
// Seen, and taken for a reason to wait: threads that run, are ready to run,
// are stopped or wait for a disk; timeouts of nanosleep, clock_nanosleep, poll,
// ppoll, select, pselect6, epoll_wait, epoll_pwait, epoll_pwait2, futex,
// futex_wait, futex_waitv, rt_sigtimedwait, semtimedop, mq_timedreceive,
// mq_timedsend, io_getevents, recvmmsg; SO_RCVTIMEO and SO_SNDTIMEO of the socket that a
// thread blocks on (pidfd_getfd(2)); connect; armed timerfd descriptors; POSIX
// timers (armed or not, /proc/PID/timers does not say); a handler for SIGALRM,
// or SIGALRM blocked, in other programs than those of Go; io_uring with
// requests in flight; a connection that is being made; bytes on the way, in
// either direction, of a TCP connection (those in the send queue that have not
// arrived, unless the receiver's window is closed), or unread in a socket of
// this process; a TCP connection whose other end is
// neither in the tree nor in this process, or waits in the accept queue of such a
// process, for a third party may speak; bytes unread in a pipe that a thread reads, and such
// a pipe of which neither the tree nor this process has the other end; calls
// that this package does not know; 32-bit programs on a 64-bit kernel.
//
// Not seen: alarm(2) and setitimer(2) with the default action of SIGALRM, which
// end a process and answer nobody; what a third party might send through a unix
// socket without a stream, a pipe that is polled, a signal or UDP; a person at a terminal; processes that the
// caller did not name; what happens in a kernel other than Linux 4.1 and later.
//
// Runtimes (measured): an idle Go program has one thread in epoll_pwait without
// a timeout, and sysmon in a futex for exactly 60 s, which is known and does not
// count; with a time.Timer or a deadline pending, that epoll_pwait has a
// timeout. Node with a timer pending has a timeout in epoll_pwait, also after
// clearTimeout until the time has passed once, and at times for some 8 s after
// a garbage collection; its http server always has one (30 s). Python's settimeout is a poll with a timeout; socketserver and
// http.server poll every 0.5 s, redis-server every 0.1 s. Programs that tick are
// never diagnosed, and neither is a Java virtual machine.
//
// Everything needs the rights of ptrace(2) over the processes: the same user,
// or root. Without them, and on systems other than Linux, the error is
// [github.com/sockharness/harness/harness/sock.ErrUnsupported]. Processes may
// vanish at any moment.
package probe

import "errors"

// ErrGone is the error when none of the processes runs.
var ErrGone = errors.New("no process is left")
