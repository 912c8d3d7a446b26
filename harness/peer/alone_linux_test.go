package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"
)

// What the process begins is seen although the look before has found it alone: a child, and an
// orphan that comes to us.
func TestLookAfterAlone(t *testing.T) {
	for name, begin := range map[string]string{
		"child":  "sleep 1000 &",
		"orphan": "(setsid sleep 1000 >/dev/null 2>&1 &);",
	} {
		t.Run(name, func(t *testing.T) {
			gate := filepath.Join(t.TempDir(), "gate")
			if err := unix.Mkfifo(gate, 0o600); err != nil {
				t.Fatal(err)
			}
			in, err := os.OpenFile(gate, os.O_RDWR, 0) // as a writer and a reader nobody waits for
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			p := client(t, sh(fmt.Sprintf("echo ready; read line <$1; %s echo begun; read line <$1", begin), gate), Vars{})
			limit := within(t)
			if _, err := p.Stdout().WaitFor(limit, ready); err != nil {
				t.Fatal(err)
			}
			for !p.keepsFiles() {
				if got := p.ApproxTree(); len(got) != 1 || limit.Err() != nil {
					t.Fatalf("got %v, want one process that is known to be alone", got)
				}
			}
			if _, err := in.WriteString("\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Stdout().WaitFor(limit, regexp.MustCompile("^begun$")); err != nil {
				t.Fatal(err)
			}
			if got := p.ApproxTree(); len(got) != 2 {
				t.Errorf("got %v, want two processes", got)
			}
		})
	}
}

func (p *Process) keepsFiles() bool {
	p.looking.Lock()
	defer p.looking.Unlock()
	return p.alone.threads != nil
}
