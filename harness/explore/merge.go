package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

// A NamedDocument is one with the file that it came from.
type NamedDocument struct {
	Name string // name of the file
	Document
}

// MergeShards folds the documents of one exploration's shards into one: a finding of
// several shards is one, with the ranges of all and the simplest witness. A shard that is
// there twice counts once; one that is missing is a problem of the document. Errors are those of [outcome.MergeShards].
func MergeShards(documents []NamedDocument) (Document, error) {
	var runs []outcome.Named
	for _, d := range documents {
		runs = append(runs, outcome.Named{Name: d.Name, Run: d.Run})
	}
	run, err := outcome.MergeShards(runs)
	if err != nil {
		return Document{}, err
	}
	m := merger{byID: map[string]int{}}
	latest := outcome.LatestShards(documents, func(d NamedDocument) outcome.Run { return d.Run })
	for _, d := range latest {
		m.addFindings(d.Findings)
	}
	// Of a shard that is in two documents, what started last counts.
	slices.SortStableFunc(latest, func(a, b NamedDocument) int { return b.Started.Compare(a.Started) })
	for _, d := range latest {
		for _, s := range d.Searches {
			m.addSearch(s, d)
		}
	}
	for i := range m.searches {
		m.searches[i].addUp()
	}
	m.rangesOfAll()
	return Document{Run: m.tellFindings(run), Findings: m.findings, Searches: m.searches}, nil
}

// A merger collects what shards found.
type merger struct {
	findings []Finding // ordered as those of a search
	byID     map[string]int
	searches []Search
}

func (m *merger) addFindings(all []Finding) {
	for _, f := range all {
		i, known := m.byID[f.ID]
		if !known {
			m.byID[f.ID] = len(m.findings)
			m.findings = append(m.findings, f)
			continue
		}
		places := slices.Clone(m.findings[i].Places)
		for _, p := range f.Places {
			if !slices.ContainsFunc(places, func(o Places) bool { return reflect.DeepEqual(o, p) }) {
				places = append(places, p)
			}
		}
		if simpler(f.Witness, m.findings[i].Witness) {
			m.findings[i] = f
		}
		m.findings[i].Places = places
	}
	slices.SortStableFunc(m.findings, func(a, b Finding) int {
		return slices.Index(AllSeverities(), a.Severity) - slices.Index(AllSeverities(), b.Severity)
	})
	for i, f := range m.findings {
		m.byID[f.ID] = i
	}
}

// lettersOf returns the ids of a search's findings, in the order of their letters.
func lettersOf(findings []Finding, target string, role scenario.Role) (ids []string) {
	for _, f := range findings {
		if f.Target == target && f.Role == role {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func (m *merger) addSearch(s Search, d NamedDocument) {
	index := 0
	if d.Shard != nil {
		index = d.Shard.Index
	}
	s.Shards = slices.Clone(s.shards(index))
	own, merged := lettersOf(d.Findings, s.Target, s.Role), lettersOf(m.findings, s.Target, s.Role)
	s.Strips = slices.Clone(s.Strips)
	for i := range s.Strips {
		s.Strips[i].Cells = renameCells(s.Strips[i].Cells, own, merged)
	}
	at := slices.IndexFunc(m.searches, func(o Search) bool { return o.Target == s.Target && o.Role == s.Role })
	if at < 0 {
		m.searches = append(m.searches, s)
		return
	}
	all := &m.searches[at]
	for _, one := range s.Shards {
		if !slices.ContainsFunc(all.Shards, func(o SearchShard) bool { return o.Index == one.Index }) {
			all.Shards = append(all.Shards, one)
		}
	}
	for _, r := range s.Remarks {
		if !slices.ContainsFunc(all.Remarks, func(o Remark) bool { return o.Declare == r.Declare }) {
			all.Remarks = append(all.Remarks, r)
		}
	}
	for _, strip := range s.Strips {
		addStrip(&all.Strips, strip)
	}
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// renameCells gives findings the letters that they have in the merged document.
func renameCells(cells string, own, merged []string) string {
	return strings.Map(func(c rune) rune {
		if i := strings.IndexRune(letters, c); i >= 0 && i < len(own) {
			if at := slices.Index(merged, own[i]); at >= 0 {
				return rune(letters[at%len(letters)])
			}
		}
		return c
	}, cells)
}

// addStrip lays a strip over the one of the same fault: each cell is of one shard.
func addStrip(all *[]Strip, s Strip) {
	at := slices.IndexFunc(*all, func(o Strip) bool {
		return o.Direction == s.Direction && o.Fault == s.Fault && o.From == s.From && len(o.Cells) == len(s.Cells)
	})
	if at < 0 {
		*all = append(*all, s)
		return
	}
	cells := []byte((*all)[at].Cells)
	for i := range cells {
		if cells[i] == '-' {
			cells[i] = s.Cells[i]
		}
	}
	(*all)[at].Cells = string(cells)
}

// rangesOfAll reads the ranges of the findings from the merged strips: where one shard saw
// one range, another may have seen that it is two.
func (m *merger) rangesOfAll() {
	for _, s := range m.searches {
		for i, id := range lettersOf(m.findings, s.Target, s.Role) {
			if i >= len(letters) {
				break
			}
			f := &m.findings[m.byID[id]]
			places := placesOf(s.Strips, f.Direction, letters[i])
			if len(places) == 0 { // of faults that have no strip
				continue
			}
			_, rule, _ := strings.Cut(f.Rule, ": ")
			f.Places, f.Rule = places, describeRule(f.Direction, places, verdict{rule: rule})
			f.Witnesses = edgesOf(places, f.Witness)
		}
	}
}

func placesOf(strips []Strip, d event.Direction, letter byte) []Places {
	byRanges := map[string]int{}
	var all []Places
	for _, s := range strips {
		ranges, n := rangesIn(s, letter)
		if s.Direction != d || n == 0 {
			continue
		}
		key := fmt.Sprint(ranges)
		i, known := byRanges[key]
		if !known {
			i = len(all)
			byRanges[key] = i
			all = append(all, Places{Ranges: ranges, Points: n, Datagrams: s.Datagrams})
		}
		all[i].Faults = append(all[i].Faults, s.Fault)
	}
	slices.SortStableFunc(all, func(a, b Places) int { return b.Points - a.Points })
	return all
}

// rangesIn returns the stretches of a letter; what was not tried does not interrupt one.
func rangesIn(s Strip, letter byte) (ranges [][2]int64, n int) {
	open := false
	for i, c := range []byte(s.Cells) {
		at := s.From + int64(i)
		switch {
		case c == '.':
		case c != letter:
			open = false
		case open:
			n++
			ranges[len(ranges)-1][1] = at
		default:
			n++
			ranges, open = append(ranges, [2]int64{at, at}), true
		}
	}
	return ranges, n
}

// edgesOf returns the first and the last point of the witness's fault.
func edgesOf(places []Places, witness Point) []Point {
	name := (&series{point: witness}).name()
	for _, p := range places {
		if !slices.Contains(p.Faults, name) {
			continue
		}
		first, last := witness, witness
		first.Offset, last.Offset = p.Ranges[0][0], p.Ranges[len(p.Ranges)-1][1]
		first.Exchanges, last.Exchanges = 0, 0
		if first == last {
			return []Point{first}
		}
		return []Point{first, last}
	}
	return []Point{witness}
}

// tellFindings gives the results of a run the rules of the merged findings. That a shard
// found nothing is no result where another has found something.
func (m *merger) tellFindings(run outcome.Run) outcome.Run {
	found := map[string]bool{}
	for _, f := range m.findings {
		found[f.Target] = true
	}
	results := slices.DeleteFunc(run.Results, func(r outcome.Result) bool { return r.Verdict == outcome.Pass && found[r.Target] })
	for i, r := range results {
		if at, known := m.byID[r.Variant]; known {
			results[i].Message = m.findings[at].Rule + "\n" + m.findings[at].Detail
		}
	}
	return run.WithResults(results)
}
