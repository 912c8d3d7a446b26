package api

import (
	"net/http"

	"github.com/sockharness/harness/toxics"
)

// A catalogueEntry is a type of toxic of streams, as the API shows it.
type catalogueEntry struct {
	Type       string               `json:"type"`
	Summary    string               `json:"summary"`
	Attributes []catalogueAttribute `json:"attributes"`
}

// A catalogueAttribute is an attribute of such a type.
type catalogueAttribute struct {
	Name    string   `json:"name"`
	Default any      `json:"default"`
	Unit    string   `json:"unit,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Summary string   `json:"summary"`
}

// showCatalogue shows the types of toxics that proxies of streams take.
func (d *Daemon) showCatalogue(*http.Request, []string) (reply, error) {
	list := []catalogueEntry{}
	for _, k := range toxics.Catalogue() {
		entry := catalogueEntry{Type: k.Name, Summary: k.Summary, Attributes: []catalogueAttribute{}}
		for _, a := range k.Attributes {
			entry.Attributes = append(entry.Attributes, catalogueAttribute{a.Name, a.Default, a.Unit, a.Choices, a.Summary})
		}
		list = append(list, entry)
	}
	return reply{http.StatusOK, list}, nil
}
