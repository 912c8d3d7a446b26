package cli

import (
	"slices"
	"strings"
)

// toxiproxyCommands are the commands of toxiproxy-cli, with its aliases.
func toxiproxyCommands() []string {
	return []string{"list", "l", "li", "ls", "inspect", "i", "ins", "create", "c", "new", "update",
		"toggle", "tog", "delete", "d", "toxic", "t"}
}

// toxiproxyFlags are the flags whose long name toxiproxy-cli takes with one dash.
func toxiproxyFlags() []string {
	return []string{"host", "listen", "upstream", "downstream", "type", "attribute", "toxicity", "tox", "toxicName"}
}

// NormalizeToxiproxyArgs writes the words of a toxiproxy-cli command line as the
// commands here take them: long names of flags with two dashes, --tox as --toxicity,
// and -h URL as --host URL. Flags of toxiproxy-server alone are those of serve: so do
// images of Toxiproxy start, and the test containers that expect one. Other command lines
// are returned as they are.
func NormalizeToxiproxyArgs(args []string) []string {
	args = slices.Clone(args)
	if len(args) == 1 && args[0] == "-version" {
		return []string{"--version"}
	}
	if startsDaemon(args) {
		return append([]string{"serve"}, args...)
	}
	command := findCommand(args)
	if command < 0 || !slices.Contains(toxiproxyCommands(), args[command]) {
		return args
	}
	for i, arg := range args {
		if arg == "--" {
			break
		}
		args[i] = normalizeFlag(arg, i+1 < command && strings.Contains(args[i+1], "://"))
	}
	return args
}

// startsDaemon reports whether the words are flags of toxiproxy-server, and nothing else.
func startsDaemon(args []string) bool {
	for i := 0; i < len(args); i++ {
		name, _, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		switch {
		case !strings.HasPrefix(args[i], "-"):
			return false
		case slices.Contains([]string{"runtime-metrics", "proxy-metrics"}, name):
		case !slices.Contains([]string{"host", "port", "config", "seed"}, name):
			return false
		case !given:
			i++ // its value
			if i >= len(args) || strings.Contains(args[i], "://") {
				return false
			}
		}
	}
	return len(args) > 0
}

// findCommand returns the place of the command, after what may come before it; -1 when
// there is none.
func findCommand(args []string) int {
	for i := 0; i < len(args); i++ {
		switch {
		case !strings.HasPrefix(args[i], "-"):
			return i
		case slices.Contains([]string{"-h", "-host", "--host"}, args[i]):
			i++ // its value
		}
	}
	return -1
}

// normalizeFlag does that for one word. Before a URL, -h is no call for help.
func normalizeFlag(arg string, beforeURL bool) string {
	if arg == "-h" && beforeURL {
		return "--host"
	}
	if !strings.HasPrefix(arg, "-") {
		return arg
	}
	name, value, given := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if !slices.Contains(toxiproxyFlags(), name) {
		return arg
	}
	if name == "tox" {
		name = "toxicity"
	}
	if given {
		return "--" + name + "=" + value
	}
	return "--" + name
}
