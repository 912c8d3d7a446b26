package runner

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
)

// mostControlWait bounds how long a worker waits for another one's control.
const mostControlWait = 5 * time.Second

// A sharedControl is the result of the controls of a client program, as a file for the other workers
// of the run.
type sharedControl struct {
	scenario.ControlRun
	Requests []byte        // that the client sent
	Opening  []byte        // that it sent before TLS; nil: nothing was said
	Events   []event.Event // of the first control
}

// shareControls is runControls, except for a client program whose server is a dialogue: one worker of
// the run holds its controls, and the others read the result. Each run of a client that computes
// takes a processor from the scenarios.
func (t *targetRun) shareControls(ctx context.Context) (scenario.Conversation, error) {
	if !t.config.ShareControls || !t.isScriptedForClient() {
		return t.runControls(ctx)
	}
	name := t.controlName()
	limited, cancel := context.WithTimeout(ctx, mostControlWait)
	defer cancel()
	lock := newHostLock(t.config.Tmp)
	defer lock.closeFiles()
	release := lock.acquireFile(limited, name, true)
	defer release()
	file := filepath.Join(t.config.Tmp, name+".json")
	if c, err := t.readControl(file); err == nil {
		return c, nil
	}
	c, err := t.runControls(ctx)
	if err == nil && t.pastProxy == "" {
		_ = t.writeControl(file, c) // if that fails, each worker holds its own controls
	}
	return c, err
}

// isScriptedForClient reports whether a client program is tested against a dialogue on a stream.
func (t *targetRun) isScriptedForClient() bool {
	declaresState := t.target.State != ""
	return t.target.Server.Dialogue != nil && len(t.target.Client.Command) > 0 && t.target.Transport() != scenario.UDP && !declaresState
}

// controlName is that of the file, without its ending: targets may have any name.
func (t *targetRun) controlName() string {
	sum := sha256.Sum256([]byte(t.target.Name))
	return fmt.Sprintf("control-%x", sum[:8])
}

// readControl returns the conversation of another worker's controls.
func (t *targetRun) readControl(file string) (scenario.Conversation, error) {
	var shared sharedControl
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &shared)
	}
	if err != nil {
		return scenario.Conversation{}, fmt.Errorf("control read: %w", err)
	}
	t.controlEvents.CompareAndSwap(nil, &shared.Events)
	c := t.ClientConversation(shared.Requests, nil)
	c.ControlRun = shared.ControlRun
	if shared.Opening != nil {
		c.Before = t.ClientOpening(shared.Opening)
	}
	return c, nil
}

// writeControl writes the file completely or not at all.
func (t *targetRun) writeControl(file string, c scenario.Conversation) error {
	shared := sharedControl{Requests: t.requests, ControlRun: c.ControlRun}
	if c.Before != nil {
		shared.Opening = append([]byte{}, c.Before.Upstream.Bytes...)
	}
	if events := t.controlEvents.Load(); events != nil {
		shared.Events = *events
	}
	data, err := json.Marshal(shared)
	if err != nil {
		return fmt.Errorf("control encode: %w", err)
	}
	if err := os.WriteFile(file+".part", data, 0o600); err != nil {
		return fmt.Errorf("control write: %w", err)
	}
	return os.Rename(file+".part", file)
}
