package peer

import "testing"

// BenchmarkStartAndStop is what a process costs besides its own work.
func BenchmarkStartAndStop(b *testing.B) {
	for b.Loop() {
		p, err := Command{Args: []string{"/bin/sleep", "1000"}}.StartClient(b.Context(), Vars{})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTree(b *testing.B) {
	p, err := Command{Args: []string{"/bin/sleep", "1000"}}.StartClient(b.Context(), Vars{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		p.ProcessTree()
	}
}
