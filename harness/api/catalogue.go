package api

import (
	"net/http"

	"github.com/sockharness/harness/harness/datagram"
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

// showCatalogue shows the types of toxics that proxies of streams take, or (?datagrams) those
// of datagrams.
func (d *Daemon) showCatalogue(r *http.Request, _ []string) (reply, error) {
	query := r.URL.Query()
	if err := checkQuery(query, "datagrams"); err != nil {
		return reply{}, err
	}
	ofDatagrams, err := queryBool(query, "datagrams")
	if err != nil {
		return reply{}, err
	}
	kinds := toxics.Catalogue()
	if ofDatagrams {
		kinds = datagram.Catalogue()
	}
	list := []catalogueEntry{}
	for _, k := range kinds {
		entry := catalogueEntry{Type: k.Name, Summary: k.Summary, Attributes: []catalogueAttribute{}}
		for _, a := range k.Attributes {
			entry.Attributes = append(entry.Attributes, catalogueAttribute{a.Name, a.Default, a.Unit, a.Choices, a.Summary})
		}
		list = append(list, entry)
	}
	return reply{http.StatusOK, list}, nil
}
