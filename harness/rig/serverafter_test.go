//go:build unix

package rig

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
)

// A program that has closed its port is about to end. One that is only silent is not waited for as long.
func TestEndAfterTheServerIsSilent(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fresh error
		ended bool
	}{
		{"closed port", fmt.Errorf("dial: %w", syscall.ECONNREFUSED), true},
		{"closed port of datagrams", &noAnswerError{event.Refused}, true},
		{"silence", errors.New("no answer"), false},
		{"it serves", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			process, err := peer.Command{Args: []string{"/bin/sh", "-c", "sleep 0.7; exit 3"}}.StartClient(t.Context(), peer.Vars{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = process.Close() })
			exit, ended := awaitExit(t.Context(), process, tt.fresh)
			if ended != tt.ended || ended && exit.Code != 3 {
				t.Errorf("ended %v with %v, want %v with status 3", ended, exit, tt.ended)
			}
		})
	}
}
