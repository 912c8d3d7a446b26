package explore

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

// floods answers in order, and sends without end when its client has said FIN.
func floods(c net.Conn) {
	rightServer(c)
	for {
		if _, err := c.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
			return
		}
	}
}

func TestServerThatSendsWithoutEnd(t *testing.T) {
	one := "dialogue: lines\nframing: line\nexchanges:\n  - {send: \"hello\\n\", expect: \"HELLO\\n\"}\n"
	calm := func(c net.Conn) { // only a cut request makes it send
		buf := make([]byte, 100)
		if n, _ := c.Read(buf); n == 6 {
			c.Write(bytes.ToUpper(buf[:n]))
			return
		}
		floods(c)
	}
	r := explored(t, Options{Target: target(serve(t, calm), one, declared()), Faults: []Fault{FIN}})
	if !strings.Contains(codes(r), "endless-answer") {
		t.Errorf("found %q", codes(r))
	}
}

// storedFinding is a finding that can be written.
func storedFinding(id string) Finding {
	return Finding{ID: id, Target: "lines", Role: scenario.Server, Severity: Hang, Code: "dead", Rule: "it is dead", State: New,
		Witness: Point{Fault: Reset}, layout: &layout{}}
}

// Explorations that use one folder at the same time lose nothing, and never see half a
// file.
func TestStoreIsUsedByManyAtOnce(t *testing.T) {
	e, err := newSearch(t.Context(), Options{Target: target(serve(t, rightServer), twoLines, declared()), Role: scenario.Server, Tmp: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer e.subject.close()
	s := Store{Folder: t.TempDir()}
	var tasks sync.WaitGroup
	for range 4 {
		tasks.Go(func() {
			for n := range 40 {
				f := storedFinding(fmt.Sprintf("0000000%d", n%4))
				f.layout, f.State = e.layout, []State{New, Ongoing, Resolved}[n%3]
				if err := s.Save(f, 1, nil, ""); err != nil {
					t.Error(err)
				}
				if _, err := s.LoadAll("lines"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	tasks.Wait()
	all, err := s.LoadAll("lines")
	left, _ := filepath.Glob(filepath.Join(s.Folder, "*"))
	hidden, _ := filepath.Glob(filepath.Join(s.Folder, ".*"))
	if err != nil || len(all) != 4 || len(left)+len(hidden) != 4 {
		t.Errorf("%d findings in %d files, %v", len(all), len(left)+len(hidden), err)
	}
}

func TestSetStateKeepsWhatSomebodyHasEdited(t *testing.T) {
	o := Options{Target: target(serve(t, oneRead), twoLines, declared()), Faults: []Fault{Split}}
	s := Store{Folder: t.TempDir()}
	if err := s.Save(explored(t, o).Findings[0], 1, nil, ""); err != nil {
		t.Fatal(err)
	}
	all, err := s.LoadAll("")
	if err != nil {
		t.Fatal(err)
	}
	edited := append([]byte("# ours\n"), all[0].Text...)
	if err := os.WriteFile(all[0].Path, edited, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.SetState(all[0], Resolved); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(all[0].Path); !bytes.HasPrefix(text, []byte("# ours\n")) || !bytes.Contains(text, []byte(`state: "resolved"`)) {
		t.Errorf("got %q", text)
	}
}

// What is wrong in an edited file is told with its place, and the others are read.
func TestEditedFindingIsTold(t *testing.T) {
	o := Options{Target: target(serve(t, oneRead), twoLines, declared()), Faults: []Fault{Split}}
	s := Store{Folder: t.TempDir()}
	f := explored(t, o).Findings[0]
	for _, id := range []string{"00000001", "00000002"} {
		f.ID = id
		if err := s.Save(f, 1, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(s.Path("00000001"))
	if err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][2]string{{"direction: upstream", "direction: sideways"}, {"  id:", "  idd:"}, {"steps:", "steps: ["}} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		line := 1 + bytes.Count(text[:bytes.Index(text, []byte(edit[0]))], []byte("\n"))
		if err := os.WriteFile(s.Path("00000001"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := s.LoadAll("")
		if err == nil || len(all) != 1 {
			t.Fatalf("%s: %d findings, %v", edit[1], len(all), err)
		}
		if want := fmt.Sprintf("%s:%d:", s.Path("00000001"), line); !strings.Contains(err.Error(), want) && edit[1] != "steps: [" {
			t.Errorf("%s: error %q, want one that begins with %s", edit[1], err, want)
		}
		if err := s.Save(f, 1, nil, ""); err != nil {
			t.Error(err)
		}
	}
}
