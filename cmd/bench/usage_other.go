//go:build !linux

package main

import (
	"errors"
	"fmt"
	"time"
)

var errLinuxOnly = fmt.Errorf("the measurements need Linux: %w", errors.ErrUnsupported)

func processorTime(int) (time.Duration, error) { return 0, errLinuxOnly }

func familyTime(int) (time.Duration, error) { return 0, errLinuxOnly }

func contextSwitches(int) (int64, error) { return 0, errLinuxOnly }

func readMachineTime() (machineTime, error) { return machineTime{}, errLinuxOnly }
