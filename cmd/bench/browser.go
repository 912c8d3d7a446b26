package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/ui"
)

const (
	browserWait = time.Minute // for the browser, and for a page, to be there
	pageTitle   = `"harness: live"`
)

// chromium visits the page in Debian's Chromium, in a tab of its own. Where there is no
// Chromium, nobody does.
func chromium(ctx context.Context, b *bench, api string) (*visitor, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, nil
	}
	profile, err := os.MkdirTemp(b.folder, "chromium")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+profile,
		"--remote-debugging-port=0", "--window-size=1280,900", "about:blank")
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end := func() {
		_ = cmd.Process.Signal(os.Interrupt) // it ends its own processes then
		_ = cmd.Wait()
	}
	tools := &devTools{profile: profile}
	if err := tools.await(ctx, func() bool { _, err := tools.ask(ctx, "GET", "version"); return err == nil }); err != nil {
		end()
		return nil, err
	}
	return &visitor{browser: cmd.Process.Pid, end: end, open: func(ctx context.Context) (func(), error) { return tools.openTab(ctx, ui.Link(api, pageToken)) }}, nil
}

// devTools asks a browser by HTTP, on the port that it has written into its profile.
type devTools struct{ profile string }

// openTab opens a page in a tab of its own, and blocks until the browser shows it.
func (t *devTools) openTab(ctx context.Context, link string) (leave func(), err error) {
	answer, err := t.ask(ctx, "PUT", "new?"+url.QueryEscape(link))
	if err != nil {
		return nil, err
	}
	var tab struct{ ID string }
	if err := json.Unmarshal(answer, &tab); err != nil {
		return nil, fmt.Errorf("chromium tab: %w", err)
	}
	leave = func() { _, _ = t.ask(context.WithoutCancel(ctx), "GET", "close/"+tab.ID) }
	err = t.await(ctx, func() bool {
		list, err := t.ask(ctx, "GET", "list")
		return err == nil && strings.Contains(string(list), pageTitle)
	})
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// await blocks until something is so.
func (t *devTools) await(ctx context.Context, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	for !is() {
		if !sleep.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("chromium does not show the live page: %w", ctx.Err())
		}
	}
	return nil
}

func (t *devTools) ask(ctx context.Context, method, path string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(t.profile, "DevToolsActivePort"))
	if err != nil {
		return nil, err
	}
	port, _, _ := strings.Cut(string(text), "\n")
	request, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:"+port+"/json/"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("chromium %s: %s %.200s", path, response.Status, answer)
	}
	return answer, err
}
