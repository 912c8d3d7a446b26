package sock_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// synSent reports that a socket of this host is in SYN_SENT to the port, by
// proc_net_tcp(5): a source other than the one under test.
func synSent(t testing.TB, port string) bool {
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 3 && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", n)) && f[3] == "02" {
				return true
			}
		}
	}
	return false
}
