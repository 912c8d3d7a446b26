package peer

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// What is sent is the input of a program of its own for each connection, the FIN its end,
// and the output comes back whole.
func TestServePipes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(within(t))
	served := make(chan error, 1)
	go func() { served <- ServePipes(ctx, path, []string{"cat"}) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	conn := dialUntilThere(t, path)
	defer conn.Close()
	data := make([]byte, 300<<10)
	go func() {
		_, _ = conn.Write(data)
		_ = conn.CloseWrite()
	}()
	if got, err := io.ReadAll(conn); err != nil || len(got) != len(data) {
		t.Errorf("%d bytes came back, %v, want %d", len(got), err, len(data))
	}
}

// Bytes that the program has not read stay in the socket, where the kernel counts them.
func TestPipesKeepWhatIsUnread(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(within(t))
	served := make(chan error, 1)
	go func() { served <- ServePipes(ctx, path, []string{"sleep", "1000"}) }()
	defer func() { cancel(); <-served }()
	conn := dialUntilThere(t, path)
	defer conn.Close()
	if _, err := conn.Write([]byte("unread")); err != nil {
		t.Fatal(err)
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		t.Skip(err)
	}
	defer diag.Close()
	limited, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if err := diag.AwaitFarRead(limited, conn, 6); err == nil {
		t.Error("a program that does not read has read")
	}
}

func dialUntilThere(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	for ctx := within(t); ; {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn.(*net.UnixConn)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}
