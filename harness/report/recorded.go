package report

import (
	"maps"
	"slices"
)

// writeRecorded tells what was inferred of the conversations that no dialogue says.
func (p *textWriter) writeRecorded(recorded map[string][]string) {
	if len(recorded) == 0 {
		return
	}
	p.addBlank()
	p.addLine(span{bold, "recorded: two programs without a dialogue, each tested with what the other one said"})
	for _, target := range slices.Sorted(maps.Keys(recorded)) {
		for _, note := range recorded[target] {
			p.addText("  ", plain, cleanLines(target+": "+note)...)
		}
	}
}
