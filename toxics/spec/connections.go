package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseConnections reads which connections have a toxic: "2" the second, "1-3"
// the first three, "4-" all from the fourth on, "0" every one.
func ParseConnections(text string) (connection, through uint64, err error) {
	from, to, ranged := strings.Cut(text, "-")
	connection, err = strconv.ParseUint(from, 10, 64)
	switch {
	case err != nil || ranged && connection == 0:
	case ranged && to == "":
		return connection, math.MaxUint64, nil
	case ranged:
		through, err = strconv.ParseUint(to, 10, 64)
		if err == nil && through >= connection {
			return connection, through, nil
		}
	default:
		return connection, 0, nil
	}
	return 0, 0, fmt.Errorf("must be a number from 1, a range such as 1-3 or 4-, or 0 for all, got %q", text)
}

// FormatConnections writes what [ParseConnections] reads.
func FormatConnections(connection, through uint64) string {
	switch through {
	case 0:
		return strconv.FormatUint(connection, 10)
	case math.MaxUint64:
		return strconv.FormatUint(connection, 10) + "-"
	}
	return fmt.Sprintf("%d-%d", connection, through)
}

// HasConnection reports whether what [ParseConnections] returns has the connection of that
// number. It counts from the first connection behind so many others.
func HasConnection(connection, through, after, number uint64) bool {
	if connection == 0 {
		return true
	}
	if number <= after {
		return false
	}
	number -= after
	return connection <= number && number <= max(connection, through)
}
