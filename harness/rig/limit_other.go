//go:build !linux

package rig

import "github.com/sockharness/harness/harness/sock"

func limitDescriptors(int, int) (func() error, error) { return nil, sock.ErrUnsupported }

func descriptorsExhausted(int) (bool, error) { return false, sock.ErrUnsupported }
