package authorcmd

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/mutate"
	"github.com/sockharness/harness/harness/plural"
)

// text tells what became of the lies about one program.
func (t targetJudgement) text(verbose bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): ", t.target, t.role)
	if len(t.passed) == 0 {
		b.WriteString("no scenario passes behind a relay that does not lie")
	} else {
		fmt.Fprintf(&b, "%d of %d lies noticed", countStatus(t.judgements, mutate.Noticed), len(t.judgements))
	}
	b.WriteString("\n")
	for _, j := range t.judgements {
		switch j.Status {
		case mutate.Survived:
			fmt.Fprintf(&b, "  SURVIVED %s: %s\n", j.Mutation, j.Summary)
			if len(j.Passed) > 0 {
				fmt.Fprintf(&b, "    told in %s, which passed\n", strings.Join(j.Passed, ", "))
			}
			fmt.Fprintf(&b, "    to notice it: %s\n", j.Hint)
		case mutate.NotTold:
			fmt.Fprintf(&b, "  not told %s: %s\n    no scenario brings it about: %s\n", j.Mutation, j.Summary, j.Hint)
		case mutate.Accepted:
			fmt.Fprintf(&b, "  accepted %s: %s\n", j.Mutation, j.Reason)
		case mutate.Noticed:
			if verbose {
				fmt.Fprintf(&b, "  noticed  %s by %s: %s\n", j.Mutation, j.By, j.Message)
			}
		}
	}
	if len(t.others) > 0 {
		fmt.Fprintf(&b, "  %d of %s judge nothing, for they fail behind a relay that does not lie: %s\n",
			len(t.others), plural.Count(len(t.others)+len(t.passed), "scenario"), shortList(t.others))
	}
	return b.String()
}

func shortList(all []string) string {
	const most = 5
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

func countStatus(all []mutate.Judgement, s mutate.Status) int {
	n := 0
	for _, j := range all {
		if j.Status == s {
			n++
		}
	}
	return n
}

// summarizeJudgements is the last line.
func summarizeJudgements(all []mutate.Judgement) string {
	noticed, survived := countStatus(all, mutate.Noticed), countStatus(all, mutate.Survived)
	text := fmt.Sprintf("\n%d of %d lies that were told were noticed", noticed, noticed+survived)
	if n := countStatus(all, mutate.NotTold); n > 0 {
		text += fmt.Sprintf("; %d were not told", n)
	}
	if n := countStatus(all, mutate.Accepted); n > 0 {
		text += fmt.Sprintf("; %d are accepted", n)
	}
	return text + "\n"
}
