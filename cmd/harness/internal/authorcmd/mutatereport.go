package authorcmd

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/mutate"
	"github.com/sockharness/harness/harness/plural"
)

// text says which mutations of one program were noticed.
func (t targetJudgement) text(verbose bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): ", t.target, t.role)
	if len(t.passed) == 0 {
		b.WriteString("no scenario passes even when the relay changes nothing")
	} else {
		fmt.Fprintf(&b, "%d of %d mutations noticed", countStatus(t.judgements, mutate.Noticed), len(t.judgements))
	}
	b.WriteString("\n")
	for _, j := range t.judgements {
		switch j.Status {
		case mutate.Survived:
			fmt.Fprintf(&b, "  SURVIVED %s: %s\n", j.Mutation, j.Summary)
			if len(j.Passed) > 0 {
				fmt.Fprintf(&b, "    took effect in %s, which passed\n", strings.Join(j.Passed, ", "))
			}
			fmt.Fprintf(&b, "    to notice it: %s\n", j.Hint)
		case mutate.NotTold:
			fmt.Fprintf(&b, "  no effect %s: %s\n    no scenario triggers it: %s\n", j.Mutation, j.Summary, j.Hint)
		case mutate.Accepted:
			fmt.Fprintf(&b, "  accepted %s: %s\n", j.Mutation, j.Reason)
		case mutate.Noticed:
			if verbose {
				fmt.Fprintf(&b, "  noticed  %s by %s: %s\n", j.Mutation, j.By, j.Message)
			}
		}
	}
	if len(t.others) > 0 {
		fmt.Fprintf(&b, "  %d of %s are left out, because they fail even when the relay changes nothing: %s\n",
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
	text := fmt.Sprintf("\n%d of %d mutations that took effect were noticed", noticed, noticed+survived)
	if n := countStatus(all, mutate.NotTold); n > 0 {
		text += fmt.Sprintf("; %d took no effect", n)
	}
	if n := countStatus(all, mutate.Accepted); n > 0 {
		text += fmt.Sprintf("; %d are accepted", n)
	}
	return text + "\n"
}
