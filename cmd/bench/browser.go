package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/ui"
)

const (
	browserWait   = time.Minute     // for the page to be there
	browserSettle = 2 * time.Second // until it has drawn what there is
)

// browsePage opens the page in Debian's Chromium. Where there is none, leave is nil.
func browsePage(ctx context.Context, b *bench, api string) (pid int, leave func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return 0, nil, nil
	}
	profile, err := os.MkdirTemp(b.folder, "chromium")
	if err != nil {
		return 0, nil, err
	}
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--user-data-dir="+profile,
		"--remote-debugging-port=0", "--window-size=1280,900", ui.Link(api, pageToken))
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	leave = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it ends its own processes then
		_ = cmd.Wait()
	}
	if err := awaitPage(ctx, profile); err != nil {
		leave()
		return 0, nil, err
	}
	return cmd.Process.Pid, leave, nil
}

// awaitPage blocks until the browser shows the page.
func awaitPage(ctx context.Context, profile string) error {
	ctx, cancel := context.WithTimeout(ctx, browserWait)
	defer cancel()
	for {
		if showsPage(ctx, profile) {
			sleep.For(ctx, browserSettle)
			return nil
		}
		if !sleep.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("chromium does not show the live page: %w", ctx.Err())
		}
	}
}

// showsPage asks the browser for the titles of its pages, on the port that it has written
// down.
func showsPage(ctx context.Context, profile string) bool {
	text, err := os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
	if err != nil {
		return false
	}
	port, _, _ := strings.Cut(string(text), "\n")
	request, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:"+port+"/json/list", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	list, err := io.ReadAll(response.Body)
	return err == nil && strings.Contains(string(list), `"harness: live"`)
}
