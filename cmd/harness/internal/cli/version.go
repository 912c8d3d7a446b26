package cli

import "runtime/debug"

// Version returns the version of this build, as `harness version` prints it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unversioned build)"
	}
	return info.Main.Version + " " + info.GoVersion
}
