package peer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

func output(t *testing.T, o *Output) []byte {
	t.Helper()
	r, err := o.OpenReader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOutputIsWhole(t *testing.T) {
	for _, size := range []int{0, 1, tailSize - 1, tailSize, tailSize + 1, 3 * tailSize, 10*tailSize + 7} {
		o := newOutput(t.TempDir(), 1<<30)
		var want []byte
		for i := 0; len(want) < size; i++ {
			piece := bytes.Repeat([]byte{byte(i)}, min(1+i*997%9000, size-len(want)))
			o.writeBytes(piece)
			want = append(want, piece...)
		}
		if got := output(t, o); !bytes.Equal(got, want) {
			t.Errorf("size %d: read %d other bytes", size, len(got))
		}
		if got := o.TailBytes(); !bytes.Equal(got, want[max(0, size-tailSize):]) {
			t.Errorf("size %d: tail of %d other bytes", size, len(got))
		}
		if o.ByteCount() != int64(size) || o.SHA256Sum() != sha256.Sum256(want) || o.DroppedBytes() != 0 {
			t.Errorf("size %d: length %d, dropped %d, or another sum", size, o.ByteCount(), o.DroppedBytes())
		}
		o.closeFile()
	}
}

func TestOutputOfAFloodIsBounded(t *testing.T) {
	const size = 64 << 20
	c := sh("head -c $1 /dev/zero; echo end >&2", "67108864")
	c.OutputLimit = 1 << 20
	tmp := t.TempDir()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := client(t, c, Vars{Tmp: tmp})
	if exit := wait(t, p); exit.Code != 0 {
		t.Errorf("exit %v", exit)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes allocated in all, want few", grown)
	}
	want := sha256.New()
	io.CopyN(want, zeros{}, size)
	if sum := p.Stdout().SHA256Sum(); p.Stdout().ByteCount() != size || !bytes.Equal(sum[:], want.Sum(nil)) {
		t.Errorf("length %d, want %d, or another sum", p.Stdout().ByteCount(), size)
	}
	if kept := len(output(t, p.Stdout())); kept != 1<<20 || p.Stdout().DroppedBytes() != size-1<<20 {
		t.Errorf("kept %d, dropped %d", kept, p.Stdout().DroppedBytes())
	}
	if got := string(p.Stderr().TailBytes()); got != "end\n" {
		t.Errorf("stderr %q, want end", got)
	}
	if names, _ := os.ReadDir(tmp); len(names) > 0 {
		t.Errorf("%v lies in the directory", names)
	}
	p.Close()
	if _, err := p.Stdout().OpenReader(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("open after close: %v, want %v", err, os.ErrClosed)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestOutputWithoutADiskIsStillDrained(t *testing.T) {
	p := client(t, sh("head -c 1000000 /dev/zero"), Vars{Tmp: "/nonexistent"})
	wait(t, p)
	if p.Stdout().ByteCount() != 1000000 || p.Stdout().DroppedBytes() != 1000000 {
		t.Errorf("length %d, dropped %d", p.Stdout().ByteCount(), p.Stdout().DroppedBytes())
	}
	if _, err := p.Stdout().OpenReader(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v, want %v", err, os.ErrNotExist)
	}
}

func TestWaitForMatchesLines(t *testing.T) {
	re := regexp.MustCompile(`^port (\d+)$`)
	for name, pieces := range map[string][]string{
		"whole":         {"x\nport 12\ny\n"},
		"byte by byte":  strings.Split("x\nport 12\ny\n", ""),
		"after a flood": {strings.Repeat("z", 5*tailSize), "\npor", "t 12\r\n"},
		"unfinished":    {"port 1", "2"},
	} {
		o := newOutput(t.TempDir(), 1<<20)
		w := &waiter{re: re, found: make(chan struct{})}
		o.waiters[w] = struct{}{}
		for _, piece := range pieces {
			o.writeBytes([]byte(piece))
		}
		if line, err := o.WaitFor(t.Context(), re); err != nil || !strings.HasPrefix(string(line), "port 1") {
			t.Errorf("%s: afterwards %q, %v", name, line, err)
		}
		select {
		case <-w.found:
		default:
			t.Errorf("%s: not found while it was written", name)
		}
		o.closeFile()
	}
}

func TestWaitForEnds(t *testing.T) {
	p := client(t, sh("echo a; read x"), Vars{})
	wait(t, p)
	if _, err := p.Stdout().WaitFor(within(t), regexp.MustCompile("b")); !errors.Is(err, ErrEnded) {
		t.Errorf("error %v, want %v", err, ErrEnded)
	}
	alive := client(t, sh("exec sleep 1000"), Vars{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := alive.Stdout().WaitFor(ctx, regexp.MustCompile("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// Who waits for more than there is wakes up at the next byte, and at the end.
func TestAwaitMore(t *testing.T) {
	p := client(t, sh("echo a; read x; echo b"), Vars{})
	if !p.Stdout().AwaitMore(within(t), 0) {
		t.Error("no first line")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if p.Stdout().AwaitMore(gone, 1000) {
		t.Error("more than there is")
	}
	wait(t, p) // its input is at its end
	if out := p.Stdout(); !out.AwaitMore(within(t), 2) || out.AwaitMore(within(t), 4) {
		t.Errorf("%d bytes at the end, want 4", out.ByteCount())
	}
}

// One write that is not enough does not end the wait.
func TestAwaitMoreThanOneWrite(t *testing.T) {
	p := client(t, sh("echo a; sleep 0.1; echo b"), Vars{})
	if !p.Stdout().AwaitMore(within(t), 2) {
		t.Errorf("%d bytes when the wait ended, want 4", p.Stdout().ByteCount())
	}
	wait(t, p)
}

func TestOutputOfTheLastMoment(t *testing.T) {
	for range 50 {
		p := client(t, sh("head -c 60000 /dev/zero; exit 1"), Vars{})
		wait(t, p)
		if got := p.Stdout().ByteCount(); got != 60000 {
			t.Fatalf("%d bytes when it was over, want 60000", got)
		}
		p.Close()
	}
}
