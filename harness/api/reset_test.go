package api

import (
	"fmt"
	"strings"
	"testing"
)

// A proxy that cannot be enabled is told, and keeps no other from its reset.
func TestResetGoesOn(t *testing.T) {
	_, url := serve(t, Config{})
	busy := listen(t).Addr().String()
	for _, name := range []string{"a", "b", "c"} {
		at := freeAddr(t)
		if name == "b" {
			at = busy
		}
		must(t, 201, "POST", url+"/proxies", fmt.Sprintf(`{"name":%q,"listen":%q,"upstream":"127.0.0.1:1","enabled":false,"toxics":[{"type":"noop"}]}`, name, at))
	}
	if got := must(t, 500, "POST", url+"/reset", ""); !strings.Contains(got, "address already in use") {
		t.Errorf("got %s", got)
	}
	for name, enabled := range map[string]bool{"a": true, "b": false, "c": true} {
		got := must(t, 200, "GET", url+"/proxies/"+name, "")
		if strings.Contains(got, `"enabled":true`) != enabled || !strings.Contains(got, `"toxics":[]`) {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
