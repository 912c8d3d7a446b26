//go:build linux && !amd64 && !arm64

package probe

// machine is unknown: Stuck is not supported.
const machine = 0

var ownCalls map[int]call
