package scenario

import (
	"strings"
	"testing"
	"time"
)

func policiesOf(t *testing.T, text string) (Policies, error) {
	t.Helper()
	c, err := ParseConfig("conf/harness.yaml", []byte(`
version: 1
targets:
  - name: kv
    server: {dialogue: greet.yaml}
    client: {command: "client {port}"}
    test: client
    policies: `+text+"\n"), files)
	if err != nil {
		return Policies{}, err
	}
	return c.Targets[0].Policies, nil
}

func TestRetriesPolicy(t *testing.T) {
	for text, want := range map[string]int{"{retries: forever}": RetriesForEver, "{retries: 4}": 4, "{}": 0} {
		if p, err := policiesOf(t, text); err != nil || p.Retries != want {
			t.Errorf("%s: %d, %v; want %d", text, p.Retries, err, want)
		}
	}
	for _, text := range []string{"{retries: always}", "{retries: -1}"} {
		if _, err := policiesOf(t, text); err == nil || !strings.Contains(err.Error(), "harness.yaml:8:") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTimePolicies(t *testing.T) {
	p, err := policiesOf(t, "{request_timeout: 4s, answer_deadline: 1m, idempotent: false}")
	if err != nil {
		t.Fatal(err)
	}
	if p.RequestTimeout != 4*time.Second || p.AnswerDeadline != time.Minute || p.Idempotent == nil || *p.Idempotent {
		t.Errorf("got %+v", p)
	}
}
