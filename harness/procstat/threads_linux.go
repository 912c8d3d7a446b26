package procstat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
)

// MaxThreads is the most threads of a process of which [OpenThreadFiles] keeps the files: two
// descriptors each.
const MaxThreads = 24

// ThreadFiles keeps files of the threads of one process open: to read one again costs a tenth of
// what it costs to open it. It knows no other threads than those that there were when it was
// opened, and says so. It is for one goroutine at a time.
type ThreadFiles struct {
	pid     int
	task    int // descriptor of /proc/PID/task
	threads []openThread
	buffer  [maxStatLength]byte
}

type openThread struct{ id, children, stat int }

var errThreads = errors.New("the threads change, or are too many")

// OpenThreadFiles opens what it needs of a process that runs; the caller closes it. It fails
// for a process with more than [MaxThreads], and where the kernel does not tell of children.
func OpenThreadFiles(pid int) (*ThreadFiles, error) {
	folder := "/proc/" + strconv.Itoa(pid) + "/task"
	task, err := openFile(folder)
	if err != nil {
		return nil, err
	}
	t := &ThreadFiles{pid: pid, task: task}
	if err := t.openAll(folder); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *ThreadFiles) openAll(folder string) error {
	ids, err := ReadNumbers(t.task)
	if err != nil || len(ids) > MaxThreads {
		return errors.Join(err, errThreads)
	}
	for _, id := range ids {
		files, name := openThread{id: id, children: -1, stat: -1}, folder+"/"+strconv.Itoa(id)
		if files.children, err = openFile(name + "/children"); err == nil {
			files.stat, err = openFile(name + "/stat")
		}
		t.threads = append(t.threads, files)
		if err != nil {
			return fmt.Errorf("thread %d: %w", id, err)
		}
	}
	if !t.areAll() {
		return errThreads
	}
	return nil
}

// AreChildless reports whether the threads are still all that the process has, and none of them has
// a child, waited for or not.
func (t *ThreadFiles) AreChildless() bool {
	if !t.areAll() {
		return false
	}
	for _, files := range t.threads {
		if n, err := t.readAgain(files.children); n > 0 || err != nil {
			return false
		}
	}
	return true
}

// AnyRunnable reports whether one of the threads runs at this moment, or would if it had a processor.
// It returns an error where it does not know all threads of the process.
func (t *ThreadFiles) AnyRunnable() (bool, error) {
	if !t.areAsMany() {
		return false, errThreads
	}
	for _, files := range t.threads {
		n, err := t.readAgain(files.stat) // of one that has ended: an error
		if err != nil {
			return false, err
		}
		state, complete := ParseState(t.buffer[:n])
		if !complete {
			return false, errThreads
		}
		if state == 'R' {
			return true, nil
		}
	}
	return false, nil
}

// ThreadIDs returns the ids of the threads of a process.
func ThreadIDs(pid int) ([]int, error) {
	folder, err := openFile("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil, err
	}
	defer unix.Close(folder)
	return ReadNumbers(folder)
}

// AnyRunnable reports whether a thread of the process runs at this moment, or would if it
// had a processor.
func AnyRunnable(pid int) bool {
	ids, _ := ThreadIDs(pid)
	return slices.ContainsFunc(ids, func(id int) bool {
		stat, err := ReadThread(pid, id)
		return err == nil && stat.State == 'R'
	})
}

// CountThreads returns the number of the threads of a process; 0 where it cannot be told.
func CountThreads(pid int) int {
	var stat unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(pid)+"/task", &stat) != nil {
		return 0
	}
	return max(0, int(stat.Nlink)-ownLinks)
}

// ownLinks are "." and the name: each thread is one more link to the folder of all.
const ownLinks = 2

// areAll reports whether the threads are alive and as many as the process has. A signal of
// no effect finds one that has ended, where a file that is open may read as empty.
func (t *ThreadFiles) areAll() bool {
	if !t.areAsMany() {
		return false
	}
	for _, files := range t.threads {
		if errors.Is(unix.Tgkill(t.pid, files.id, 0), unix.ESRCH) {
			return false
		}
	}
	return true
}

// areAsMany reports whether the process has as many threads as are known.
func (t *ThreadFiles) areAsMany() bool {
	var stat unix.Stat_t
	return unix.Fstat(t.task, &stat) == nil && int(stat.Nlink) == ownLinks+len(t.threads)
}

// readAgain reads the beginning of a file into the buffer.
func (t *ThreadFiles) readAgain(file int) (int, error) {
	return eintr.Retry(func() (int, error) { return unix.Pread(file, t.buffer[:], 0) })
}

// Close closes the files.
func (t *ThreadFiles) Close() {
	for _, files := range t.threads {
		for _, file := range []int{files.children, files.stat} {
			if file >= 0 {
				unix.Close(file)
			}
		}
	}
	t.threads = nil
	unix.Close(t.task)
}

func openFile(path string) (int, error) {
	return eintr.Retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
}

// ReadNumbers returns those names in a folder of /proc that are numbers. The folder is an open
// descriptor, which the caller closes.
func ReadNumbers(folder int) (found []int, err error) {
	var buffer [4096]byte
	var names []string
	for {
		n, err := eintr.Retry(func() (int, error) { return unix.ReadDirent(folder, buffer[:]) })
		if n <= 0 || err != nil {
			return found, err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			if number, err := strconv.Atoi(name); err == nil {
				found = append(found, number)
			}
		}
	}
}

// OrphanFiles keeps a file of this process open that tells whom its first thread has begun
// or was given: the first one is given the orphans of a subreaper (proc_pid_task_children(5)).
type OrphanFiles struct {
	file   int
	buffer [4096]byte
}

// OpenOrphanFiles opens the file; the caller closes it.
func OpenOrphanFiles() (*OrphanFiles, error) {
	self := strconv.Itoa(unix.Getpid())
	file, err := openFile("/proc/self/task/" + self + "/children")
	if err != nil {
		return nil, err
	}
	return &OrphanFiles{file: file}, nil
}

// Append appends the ids, a text, to b. It returns false where that is not all.
func (c *OrphanFiles) Append(b []byte) ([]byte, bool) {
	n, err := eintr.Retry(func() (int, error) { return unix.Pread(c.file, c.buffer[:], 0) })
	if err != nil || n == len(c.buffer) {
		return b, false
	}
	return append(b, bytes.TrimSpace(c.buffer[:n])...), true
}

// Close closes the file.
func (c *OrphanFiles) Close() { unix.Close(c.file) }
