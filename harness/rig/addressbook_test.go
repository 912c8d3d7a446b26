package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// Each path is given once, and what listens there is reached at the address that it has.
func TestAddressBook(t *testing.T) {
	a := newAddressBook(t.TempDir())
	seen := map[string]bool{}
	for _, transport := range []scenario.Transport{scenario.TCP, scenario.Unix, scenario.Unix} {
		l, err := a.listen(t.Context(), transport)
		if err != nil {
			t.Fatal(err)
		}
		address := listenerAddress(l)
		if seen[address] {
			t.Errorf("%s was given twice", address)
		}
		seen[address] = true
		conn, err := dial(t.Context(), address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		} else {
			conn.Close()
		}
		l.Close()
	}
	if len(seen) != 3 {
		t.Errorf("got %v", seen)
	}
}

// A folder that is too deep for a socket is an error that says what to do.
func TestAddressBookInADeepFolder(t *testing.T) {
	a := newAddressBook(filepath.Join(os.TempDir(), strings.Repeat("x", 120)))
	if _, err := a.listen(t.Context(), scenario.Unix); err == nil || !strings.Contains(err.Error(), "set TMPDIR to a shorter one") {
		t.Errorf("got %v", err)
	}
	if path, err := newAddressBook("").newPath("s"); err != nil || filepath.Dir(path) != filepath.Clean(os.TempDir()) {
		t.Errorf("got %q, %v, want a path in the folder for temporary files", path, err)
	}
}
