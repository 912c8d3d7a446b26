package daemoncmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/outcome"
)

// A daemonClient talks to a running `harness serve`, or to any Toxiproxy.
type daemonClient struct {
	host, token string
	json        bool
}

// daemonPatience is how long the daemon may take to answer.
const daemonPatience = 30 * time.Second

func (c *daemonClient) registerFlags(cmd *cobra.Command) {
	host := cmp.Or(os.Getenv("TOXIPROXY_URL"), "http://localhost:8474")
	flags := cmd.Flags()
	flags.StringVar(&c.host, "host", host, "URL of the daemon (also $TOXIPROXY_URL)")
	flags.StringVar(&c.token, "token", envToken(), "bearer token (default $HARNESS_TOKEN, or $TOXIPROXY_AUTH_TOKEN)")
	flags.Lookup("token").DefValue = ""
	flags.BoolVar(&c.json, "json", false, "print the daemon's answer as JSON")
}

// envToken is the token of the environment: ours, or that of Toxiproxy 2.13.
func envToken() string { return cmp.Or(os.Getenv("HARNESS_TOKEN"), os.Getenv("TOXIPROXY_AUTH_TOKEN")) }

// A daemonProxy is a proxy as the daemon shows it.
type daemonProxy struct {
	Name     string `json:"name"`
	Listen   string `json:"listen"`
	Upstream string `json:"upstream"`
	Enabled  bool   `json:"enabled"`
	Mode     string `json:"mode,omitempty"`
	Seed     *int64 `json:"seed,omitempty"`
	transport.Settings
	Toxics []daemonToxic `json:"toxics,omitempty"`
}

// A daemonToxic is a toxic as the daemon shows it, or as it is asked for.
type daemonToxic struct {
	Name       string         `json:"name,omitempty"`
	Type       string         `json:"type,omitempty"`
	Stream     string         `json:"stream,omitempty"`
	Toxicity   *float32       `json:"toxicity,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	At         map[string]any `json:"at,omitempty"`
	Connection uint64         `json:"connection,omitempty"`
	Through    string         `json:"connections,omitempty"` // a range, instead of Connection
	Seed       *int64         `json:"seed,omitempty"`
}

// callDaemon sends a request and reads the answer into a value, unless that is nil. It
// returns the answer too. What the daemon refuses is status 1; when it cannot be
// asked, 3.
func (c *daemonClient) callDaemon(ctx context.Context, method, path string, body, into any) ([]byte, error) {
	request, err := c.newRequest(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Timeout: daemonPatience}).Do(request)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil, cli.HarnessErrorf("daemon at %s: %w; start one with `harness serve`, or name another with --host", c.host, err)
		}
		return nil, cli.HarnessErrorf("daemon at %s: %w", c.host, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, cli.HarnessErrorf("daemon at %s: %w", c.host, err)
	}
	if response.StatusCode >= 300 {
		return nil, c.explainRefusal(ctx, path, body, refusalError(response.StatusCode, answer))
	}
	if into == nil {
		return answer, nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return nil, cli.HarnessErrorf("daemon at %s: answer to %s %s: %w", c.host, method, path, err)
	}
	return answer, nil
}

func (c *daemonClient) newRequest(ctx context.Context, method, path string, body any) (*http.Request, error) {
	base := c.host
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, cli.HarnessErrorf("request encode: %w", err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, content)
	if err != nil {
		return nil, cli.UsageErrorf("--host %s: %v", c.host, err)
	}
	request.Header.Set("User-Agent", "harness")
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return request, nil
}

// refusalError is what the daemon says no with.
func refusalError(status int, answer []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer, &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(string(answer))
	}
	return cli.ExitError{Code: outcome.ExitVerdicts, Err: fmt.Errorf("%s (HTTP %d)", said.Error, status)}
}

func proxyPath(name string) string { return "/proxies/" + url.PathEscape(name) }

func toxicPath(proxy, toxic string) string {
	return proxyPath(proxy) + "/toxics/" + url.PathEscape(toxic)
}

// showReply prints the daemon's answer, if the user wants it as it is, or a text.
func (c *daemonClient) showReply(cmd *cobra.Command, answer []byte, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if c.json {
		var indented bytes.Buffer
		if json.Indent(&indented, answer, "", "  ") != nil {
			indented.Reset()
		}
		text = indented.String()
	}
	if text == "" {
		return nil
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSuffix(text, "\n")); err != nil {
		return cli.HarnessErrorf("%w", err)
	}
	return nil
}
