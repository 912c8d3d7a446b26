// Package report renders the document of a run: text for people, JSON and
// JUnit XML for machines. The renderers are pure functions of an
// [outcome.Run]; what a peer wrote never reaches a terminal unescaped.
// [Progress] tells how a run is getting on while there is no document yet.
//
//	err := report.WriteText(os.Stdout, run, report.Options{Color: true})
//	err = report.WriteFile("junit.xml", func(w io.Writer) error { return report.WriteJUnit(w, run, false) })
package report
