package probe

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
	"github.com/sockharness/harness/harness/procstat"
	"github.com/sockharness/harness/harness/sock"
)

// procPath returns /proc/PID/name. Names of files below a task are joined by
// the caller.
func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// appendFile appends the contents of a file of /proc to b. The raw calls cost a
// third of what os.ReadFile does.
func appendFile(b []byte, path string) ([]byte, error) {
	fd, err := eintr.Retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return b, err
	}
	defer unix.Close(fd)
	for {
		if cap(b)-len(b) < 256 {
			b = append(b, make([]byte, max(512, 4*len(b)))...)[:len(b)] // most files are small
		}
		n, err := eintr.Retry(func() (int, error) { return unix.Read(fd, b[len(b):cap(b)]) })
		if n <= 0 || err != nil {
			return b, err
		}
		b = b[:len(b)+n]
	}
}

func readFile(path string) (string, error) {
	b, err := appendFile(nil, path)
	return string(b), err
}

// numericNames returns the names in a directory of /proc that are numbers.
func numericNames(dir string) ([]int, error) {
	fd, err := eintr.Retry(func() (int, error) {
		return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return procstat.ReadNumbers(fd)
}

func readLink(path string) (string, error) {
	buf := make([]byte, 512)
	n, err := eintr.Retry(func() (int, error) { return unix.Readlink(path, buf) })
	return string(buf[:max(n, 0)]), err
}

// accessError makes an error of those that are neither nil nor say that a process
// has vanished, and of a lack of rights sock.ErrUnsupported.
func accessError(what string, err error) error {
	switch {
	case err == nil || ProcessGone(err):
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%s: %w", what, errors.Join(sock.ErrUnsupported, err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// fieldValue returns the value of a line "name:\tvalue" in the text of a file such as
// /proc/PID/status.
func fieldValue(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func programName(pid int) string {
	name, _ := readFile(procPath(pid, "comm"))
	return strings.TrimSpace(name)
}
