package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
)

// htmlRun is aRun with what only the page tells: a control, a baseline, sources.
func htmlRun() outcome.Run {
	d := aRun()
	d.ID = "r1"
	d.Controls = map[string][]event.Event{"kv": {
		{At: ms(5), Kind: event.Accept, Proxy: "kv", Conn: 1, Side: event.Client, Detail: "127.0.0.1:40000"},
		{At: ms(5.2), Kind: event.Dial, Proxy: "kv", Conn: 1, Detail: "127.0.0.1:7000"},
		{At: ms(6), Kind: event.Bytes, Proxy: "kv", Conn: 1, Direction: event.Upstream, Side: event.Client, Bytes: 6},
		{At: ms(900), Kind: event.Bytes, Proxy: "kv", Conn: 1, Direction: event.Downstream, Side: event.Server, Bytes: 3},
		{At: ms(901), Kind: event.FIN, Proxy: "kv", Conn: 1, Direction: event.Upstream, Side: event.Client, Offset: 6, First: true},
	}}
	d.Environment = &outcome.Environment{Version: "v1", OS: "linux/amd64", CPUs: 2, Command: []string{"harness", "run", "--focus", "it's"}}
	old := d
	old.Results = old.Results[:6]
	return d.CompareWith("yesterday.json", old, false)
}

func TestHTMLHoldsTheResult(t *testing.T) {
	for name, want := range map[string]outcome.Run{"a run": htmlRun(), "an empty shard": shardRun()} {
		text := render(t, "html", want, false)
		got, err := ReadRun(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: what is inside differs (-want +got):\n%s", name, d)
		}
	}
}

func TestHTMLTellsWhatMatters(t *testing.T) {
	text := render(t, "html", htmlRun(), false)
	for _, want := range []string{
		"<title>harness: not judged", "Needs attention", "Targets and topics", "Compared with yesterday.json",
		"A message cut anywhere is still one message", "RFC 9293 §3.8", // rationale and reference
		"harness replay kv segmentation/split &#39;byte=6&#39;", // replay
		"Control: the same target without any fault",            // beside the failure
		"first difference", "slice struck upstream at byte 6", // lanes
		"byte=1–5: pass", "byte=6, 7, 9: fail", // strip, runs merged
		"harness run --focus &#39;it&#39;\\&#39;&#39;s&#39;", // the command, for a shell
		"line a", "default-src &#39;none&#39;", "v1", "seed <code>7</code>",
	} {
		if !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, "&#39;", "'")) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, forbidden := range []string{"http://", "https://", "<link", "src="} {
		if strings.Contains(text, forbidden) {
			t.Errorf("the page holds %q: it must not need a network", forbidden)
		}
	}
	ids := map[string]bool{}
	for _, part := range strings.Split(text, ` id="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		if ids[id] {
			t.Errorf("the id %s is there twice", id)
		}
		ids[id] = true
	}
	for _, part := range strings.Split(text, ` href="#`)[1:] {
		if id, _, _ := strings.Cut(part, `"`); !ids[id] {
			t.Errorf("a link leads to #%s, which is not there", id)
		}
	}
}

// Bytes of a peer's making are text, wherever they come.
func TestHTMLEscapesStrangeBytes(t *testing.T) {
	text := render(t, "html", hostileRun(), false)
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("got %d scripts, want the result and ours", n)
	}
	if strings.Contains(text, "<img") {
		t.Error("an element of a peer's making is in the page")
	}
	if _, err := ReadRun(strings.NewReader(text)); err != nil {
		t.Errorf("the result inside cannot be read: %v", err)
	}
}

// manyResults is a run of n results, of which every tenth has failed.
func manyResults(n int) outcome.Run {
	var results []outcome.Result
	for i := range n {
		r := outcome.Result{Target: fmt.Sprintf("target-%d", i/1000), Scenario: fmt.Sprintf("topic%d/scenario%d", i/100%10, i/50%20), Variant: fmt.Sprintf("byte=%d", i%50), Level: outcome.Must, Verdict: outcome.Pass, Elapsed: 12}
		if i%10 == 0 {
			failed := aFailure(r.Variant)
			failed.Target, failed.Scenario, failed.Cause = r.Target, r.Scenario, fmt.Sprint("cause ", i)
			r = failed
		}
		results = append(results, r)
	}
	return outcome.FoldResults(7, time.Unix(0, 0), time.Minute, results)
}

// What is too long is cut, and the page says how much.
func TestHTMLIsBounded(t *testing.T) {
	d := manyResults(4000)
	noise := make([]byte, 1<<20)
	for i, random := 0, rand.New(rand.NewPCG(7, 7)); i < len(noise); i++ {
		noise[i] = byte(' ' + random.IntN(94))
	}
	for i := range d.Results {
		if r := &d.Results[i]; r.Verdict == outcome.Fail {
			r.Scenario = "topic/" + strings.Map(func(c rune) rune { return c + 'a' - '0' }, fmt.Sprint(i))
			r.Cause, r.Message = r.Scenario, r.Scenario
			at := i * 977 % (len(noise) - 20_000)
			r.Stderr = string(noise[at : at+20_000])
		}
	}
	text := render(t, "html", d, false)
	if len(text) > 9<<20 {
		t.Errorf("got %d bytes, want less than 9 MiB", len(text))
	}
	if !strings.Contains(text, "left out of this page; the result inside has them") {
		t.Error("the page does not say what it leaves out")
	}
	if got, err := ReadRun(strings.NewReader(text)); err != nil || len(got.Results) != len(d.Results) {
		t.Errorf("%d of %d results are inside, %v", len(got.Results), len(d.Results), err)
	}
}

// chromium returns the browser of Debian, with which pages are tested.
func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	return path
}

// pageFound is what testdata/page.mjs prints.
type pageFound struct {
	Axe        []map[string]any
	Requests   []string
	Errors     []string
	Overflow   []string
	LoadMillis float64
	Acts       map[string]any
}

// The page in a real browser: nothing serious for axe in light, dark and 360 px, no
// request, no script error, and links, keys, search, copy and download work.
func TestHTMLInChromium(t *testing.T) {
	browser, modules := chromium(t), nodeModules(t)
	for name, d := range map[string]outcome.Run{"a run": htmlRun(), "strange bytes": hostileRun(), "5000 results": manyResults(5000)} {
		file := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(file, []byte(render(t, "html", d, false)), 0o600); err != nil {
			t.Fatal(err)
		}
		modes := "narrow"
		if name == "a run" {
			modes = "light,dark,narrow,4k"
		}
		cmd := exec.CommandContext(t.Context(), "node", "testdata/page.mjs", modules, browser, file, modes)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &stderr)
		}
		var found pageFound
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &found); err != nil {
			t.Fatalf("%s: %v in %s", name, err, out)
		}
		t.Logf("%s: loaded in %.0f ms", name, found.LoadMillis)
		checkPage(t, name, d, found)
	}
}

func checkPage(t *testing.T, name string, d outcome.Run, found pageFound) {
	t.Helper()
	for _, v := range found.Axe {
		if v["impact"] == "serious" || v["impact"] == "critical" {
			t.Errorf("%s: axe: %v", name, v)
		}
	}
	if len(found.Requests)+len(found.Errors)+len(found.Overflow) > 0 {
		t.Errorf("%s: requests %v, errors %v, wider than the window: %v", name, found.Requests, found.Errors, found.Overflow)
	}
	want := map[string]any{"downloaded": float64(len(d.Results)), "prints": true}
	if d.ExitCode(false) != outcome.ExitOK {
		for _, act := range []string{"hash", "j", "searchHides", "copied"} {
			want[act] = true
		}
		want["focused"] = "ARTICLE"
	}
	if diff := cmp.Diff(want, found.Acts); diff != "" {
		t.Errorf("%s: what a user does (-want +got):\n%s", name, diff)
	}
}

func BenchmarkHTML(b *testing.B) {
	d := manyResults(5000)
	for b.Loop() {
		var out bytes.Buffer
		if err := WriteHTML(&out, d, false); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(out.Len())/1024, "KiB")
	}
}

func BenchmarkMerge(b *testing.B) {
	const shards, each = 16, 6250
	files := make([][]byte, shards)
	for i := range files {
		d := manyResults(each)
		for j := range d.Results {
			d.Results[j].Target = fmt.Sprintf("%s-%d", d.Results[j].Target, i)
		}
		d.Shard = &outcome.Shard{Index: i + 1, Total: shards, Plan: "p"}
		var text bytes.Buffer
		if err := WriteJSON(&text, d); err != nil {
			b.Fatal(err)
		}
		files[i] = text.Bytes()
	}
	for b.Loop() {
		documents := make([]outcome.Named, shards)
		for i, file := range files {
			d, err := ReadRun(bytes.NewReader(file))
			if err != nil {
				b.Fatal(err)
			}
			documents[i] = outcome.Named{Name: fmt.Sprint(i), Run: d}
		}
		merged, err := outcome.MergeShards(documents)
		if err != nil || len(merged.Results) != shards*each {
			b.Fatal(err, len(merged.Results))
		}
		if err := WriteJSON(io.Discard, merged); err != nil {
			b.Fatal(err)
		}
	}
}
