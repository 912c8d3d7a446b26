package explore

import (
	"bufio"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/scenario"
)

// The attempts of the client of kind "retries", and how long each waits for an answer.
const (
	attempts    = 3
	attemptTime = 200 * time.Millisecond
)

// askAgain is a client that tries on a new connection what has failed.
func askAgain(address string) int {
	for range attempts {
		if askBriefly(address) == nil {
			return 0
		}
	}
	return 1
}

func askBriefly(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	r, text := bufio.NewReader(conn), ""
	for _, line := range []string{"hello\n", "world\n"} {
		if err := conn.SetDeadline(time.Now().Add(attemptTime)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return err
		}
		answer, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		text += answer
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

// A client that tries three times would succeed the second time, if only its first connection
// failed: what is inferred must cover all it does when none succeeds.
func TestInferRetries(t *testing.T) {
	all, err := InferPolicies(t.Context(), Options{Target: clientTarget("retries"), Role: scenario.Client, Seed: 1, Tmp: t.TempDir(), StartTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, i := range all {
		key, value, _ := strings.Cut(i.Policy, ": ")
		found[key] = value
	}
	if found["retries"] != "2" {
		t.Errorf("retries: %q, want 2", found["retries"])
	}
	if limit, err := time.ParseDuration(found["answer_timeout"]); err != nil || limit < attempts*attemptTime {
		t.Errorf("answer_timeout: %q, want at least %v", found["answer_timeout"], attempts*attemptTime)
	}
}
