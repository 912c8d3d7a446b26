package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/suggest"
)

// shortestTypo is the length of a key that can be a misspelt one. Shorter words are
// close to too many others.
const shortestTypo = 5

// checkSpelling finds a key of a proxy that is nearly one that means something. What
// is quite another is ignored, as in Toxiproxy, whose clients send more than it reads.
func checkSpelling(text json.RawMessage) error {
	keys := map[string]json.RawMessage{}
	if json.NewDecoder(bytes.NewReader(text)).Decode(&keys) != nil {
		return nil // it has been decoded, and may be null
	}
	known := jsonKeys(reflect.TypeFor[proxyInput]())
	for key := range keys {
		if len(key) < shortestTypo || slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			continue
		}
		if hint := suggest.Hint(key, known); hint != "" {
			return fieldFailure(key, "key %s is unknown; %s", excerpt.Quote(key), hint)
		}
	}
	return nil
}

// jsonKeys returns the keys of a type in JSON.
func jsonKeys(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			names = append(names, jsonKeys(field.Type)...)
		} else if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// checkSpellings does that for a list of proxies. The failure says which one it is.
func checkSpellings(text []byte) error {
	var list []json.RawMessage
	if json.NewDecoder(bytes.NewReader(text)).Decode(&list) != nil {
		return nil
	}
	for i, one := range list {
		if err := checkSpelling(one); err != nil {
			return atProxy(err, i+1)
		}
	}
	return nil
}

// atProxy says of which proxy of a list a failure is.
func atProxy(err error, n int) error {
	f := *asFailure(err)
	f.Message, f.proxy = fmt.Sprintf("%s at proxy %d", f.Message, n), n
	return &f
}
