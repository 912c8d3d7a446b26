package socktest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/socktest"
)

// diesVariable is set in the process of a test that dies.
const diesVariable = "SOCKTEST_TEST_DIES"

// The programs of a test whose process dies without its cleanups die, too.
func TestProcessesEndWithTheirTest(t *testing.T) {
	if os.Getenv(diesVariable) != "" {
		server := socktest.Start(t, echoServer)
		fmt.Printf("\nlistens at %s\n", server.Addr())
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestProcessesEndWithTheirTest$", "-test.v", "-test.count=1")
	cmd.Env = append(os.Environ(), diesVariable+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	for lines := bufio.NewScanner(stdout); addr == "" && lines.Scan(); {
		_, addr, _ = strings.Cut(lines.Text(), "listens at ")
	}
	if conn, err := net.Dial("tcp", addr); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}
