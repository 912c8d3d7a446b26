//go:build !linux

package link

type clock struct{}

func (*clock) close() {}
