package daemoncmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/cmd/harness/internal/transport"
	"github.com/sockharness/harness/harness/suggest"
)

// explainRefusal names what the daemon has not found, and suggests what it may be. The
// daemon's own texts are Toxiproxy's, which name nothing.
func (c *daemonClient) explainRefusal(ctx context.Context, path string, body any, err error) error {
	var exit cli.ExitError
	if !errors.As(err, &exit) || exit.Err == nil {
		return err
	}
	proxy, toxic := namesIn(path)
	text := exit.Err.Error()
	switch {
	case strings.HasPrefix(text, "proxy not found") && proxy != "":
		text = strings.Replace(text, "proxy not found", fmt.Sprintf("proxy not found: %q%s", proxy, didYouMean(proxy, c.namesOfProxies(ctx))), 1)
	case strings.HasPrefix(text, "toxic not found") && toxic != "":
		text = strings.Replace(text, "toxic not found", fmt.Sprintf("toxic not found: %q on proxy %q%s", toxic, proxy, didYouMean(toxic, c.namesOfToxics(ctx, proxy))), 1)
	case strings.HasPrefix(text, "invalid toxic type"):
		if asked, ok := body.(daemonToxic); ok {
			text = strings.Replace(text, "invalid toxic type", fmt.Sprintf("invalid toxic type: %q%s", asked.Type, didYouMean(asked.Type, toxicTypes())), 1)
		}
	default:
		return err
	}
	exit.Err = errors.New(text)
	return exit
}

// namesIn returns the names of a proxy and of a toxic in a path of the API.
func namesIn(path string) (proxy, toxic string) {
	path, query, _ := strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 2 && parts[1] == "proxies" {
		proxy, _ = url.PathUnescape(parts[2])
	} else if values, err := url.ParseQuery(query); err == nil {
		proxy = values.Get("proxy")
	}
	if len(parts) > 4 {
		toxic, _ = url.PathUnescape(parts[4])
	}
	return proxy, toxic
}

func (c *daemonClient) namesOfProxies(ctx context.Context) []string {
	var all map[string]daemonProxy
	_, _ = c.callDaemon(ctx, "GET", "/proxies", nil, &all) // without them there is no suggestion
	return slices.Sorted(maps.Keys(all))
}

func (c *daemonClient) namesOfToxics(ctx context.Context, proxy string) (names []string) {
	var list []daemonToxic
	_, _ = c.callDaemon(ctx, "GET", proxyPath(proxy)+"/toxics", nil, &list)
	for _, t := range list {
		names = append(names, t.Name)
	}
	return names
}

func toxicTypes() (names []string) {
	for _, kind := range transport.ToxicKinds() {
		names = append(names, kind.Name)
	}
	return names
}

// didYouMean is a suggestion behind a semicolon, or nothing.
func didYouMean(word string, choices []string) string {
	if hint := suggest.Hint(word, choices); hint != "" {
		return "; " + hint
	}
	return ""
}
