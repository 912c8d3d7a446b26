package api

import (
	"fmt"
	"strings"
	"testing"
)

// Numbers may have units, Toxiproxy's too; what is no number is refused, as ever.
func TestUnitsOfAttributes(t *testing.T) {
	_, url := serve(t, Config{})
	newProxy(t, url, "p", freeAddr(t))
	for i, test := range []struct {
		kind, attributes string
		want             string // "": refused
	}{
		{"latency", `{"latency":"1.5s","jitter":"100ms"}`, `"latency":1500,"jitter":100`},
		{"limit_data", `{"bytes":"1MB"}`, `"bytes":1000000`},
		{"limit_data", `{"bytes":"64KiB"}`, `"bytes":65536`},
		{"bandwidth", `{"rate":"2MB/s"}`, `"rate":2000`},
		{"bandwidth", `{"rate":"500KB"}`, `"rate":500`},
		{"slicer", `{"average_size":"1KiB","delay":"2ms"}`, `"average_size":1024,"size_variation":0,"delay":2000`},
		{"timeout", `{"timeout":"2s"}`, `"timeout":2000`},
		{"latency", `{"latency":"1"}`, ""},
		{"latency", `{"latency":"x"}`, ""},
		{"latency", `{"latency":"1.5parsec"}`, ""},
		{"latency", `{"latency":"200us","jitter":"2ms"}`, `"latency":"200µs","jitter":2`},
		{"latency", `{"latency":"1ns"}`, ""},
		{"bandwidth", `{"rate":"1B"}`, ""},
		{"limit_data", `{"bytes":1.5}`, ""},
	} {
		status, _, text := call(t, "POST", url+"/proxies/p/toxics", fmt.Sprintf(`{"name":"t%d","type":%q,"attributes":%s}`, i, test.kind, test.attributes))
		if (status == 200) != (test.want != "") || status != 200 && status != 400 || !strings.Contains(text, test.want) {
			t.Errorf("%s %s: got %d %s, want %s", test.kind, test.attributes, status, text, test.want)
		}
	}
}
