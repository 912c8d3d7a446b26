package scenariofile

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/sockharness/harness/harness/scenario"
)

// PolicyNames lists the policies that a target may declare.
func PolicyNames() []string {
	var names []string
	fields := reflect.TypeFor[scenario.Policies]()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// declaredPolicies returns the policies that a target declares, as text.
func declaredPolicies(p scenario.Policies) (map[string]string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("policies encode: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("policies decode: %w", err)
	}
	out := map[string]string{}
	for name, value := range all {
		out[name] = strings.Trim(string(value), `"`)
	}
	return out, nil
}
