package suite

import (
	"sync"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/scenariofile"
)

// FilesName is the name of the topic of [Files].
const FilesName = "files"

// Files returns the topic of scenarios that come from files, by their summaries.
func Files(summaries []scenariofile.Summary, sources []scenariofile.Source) Topic {
	return Topic{Name: FilesName, Summary: "scenarios of your own",
		List: sync.OnceValue(func() []scenario.Scenario { return scenariofile.CompileSummaries(summaries, sources) })}
}

// withFiles adds the topic of the job's own scenario files, if it has any. They
// were found valid when the job was made.
func (j Job) withFiles(topics []Topic) []Topic {
	if len(j.Files) == 0 {
		return topics
	}
	return append(topics, Files(j.Summaries, j.Files))
}
