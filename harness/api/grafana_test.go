package api

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var metricName = regexp.MustCompile(`\b(?:toxiproxy|harness|go|process)_[a-z_]+\b`)

// known returns the names of all metrics that a daemon has or may have.
func known(t *testing.T, d *Daemon) (names []string) {
	t.Helper()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		d.meter.registry.Describe(descriptions)
	}()
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for description := range descriptions {
		names = append(names, name.FindStringSubmatch(description.String())[1])
	}
	gathered, err := d.meter.registry.Gather() // those that describe themselves only then
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range gathered {
		names = append(names, family.GetName())
	}
	return names
}

// The dashboard asks for metrics and labels that there are, and shows all of ours.
func TestDashboard(t *testing.T) {
	d, _ := serve(t, Config{ProxyMetrics: true, RuntimeMetrics: true})
	names := known(t, d)
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		if len(p.Targets) == 0 || p.Title == "" || seen[p.ID] {
			t.Errorf("panel %+v has no query, no title or the id of another", p)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			queries = append(queries, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		queries = append(queries, v.Definition)
	}
	asked := metricName.FindAllString(strings.Join(queries, "\n"), -1)
	for _, name := range asked {
		if !slices.Contains(names, name) {
			t.Errorf("the dashboard asks for %s, which there is not", name)
		}
	}
	for _, name := range names {
		if (strings.HasPrefix(name, "harness_") || strings.HasPrefix(name, "toxiproxy_")) && !slices.Contains(asked, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}
