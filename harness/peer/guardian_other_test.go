//go:build !linux

package peer

import (
	"errors"
	"testing"
)

func harnessMain(string) {}

func TestGuardianIsUnsupported(t *testing.T) {
	if _, err := StartGuardian("run"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v, want %v", err, errors.ErrUnsupported)
	}
}
