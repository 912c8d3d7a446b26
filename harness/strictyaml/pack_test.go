package strictyaml

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// What was packed is what was parsed, places included.
func TestUnpackReturnsWhatWasPacked(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/real/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ParseText(file, text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Unpack(file, want.Pack()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: another node came back, %v", file, err)
		}
	}
}

// Bytes that are no packed node are told so.
func FuzzUnpack(f *testing.F) {
	n, err := ParseText("f.yaml", []byte("a: [1, {b: text}]\nc:\n"))
	if err != nil {
		f.Fatal(err)
	}
	packed := n.Pack()
	for size := range packed {
		if _, err := Unpack("f.yaml", packed[:size]); err == nil {
			f.Errorf("%d of %d bytes are taken for all", size, len(packed))
		}
	}
	f.Add(packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := Unpack("f.yaml", b); (n == nil) == (err == nil) {
			t.Errorf("got %v, %v", n, err)
		}
	})
}
