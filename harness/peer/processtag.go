package peer

import (
	"bytes"
	"crypto/rand"
	"hash/fnv"
	"os"
	"strings"
)

// The environment variables that tell whose a process is: lists, separated by
// commas, since a harness may run within a peer of another.
const (
	peerVariable = "HARNESS_PEER"
	runVariable  = "HARNESS_RUN"
)

// A processTag is inherited by every descendant of a process. It is there twice: in
// the environment, and, as programs overwrite theirs (nginx, postgres) or
// clear it (env -i), in the limit of CPU time under real-time scheduling
// (setrlimit(2), RLIMIT_RTTIME), a number so high that it limits nothing.
type processTag struct {
	id    string
	limit uint64
}

func newMark() processTag {
	id := rand.Text()
	return processTag{id: id, limit: runLimit(os.Getenv(runVariable)) | uint64(hash32(id))}
}

// runLimit returns the mark of a run, to which the low 32 bits add the peer.
// 2^61 microseconds are 73,000 years.
func runLimit(runs string) uint64 {
	run := runs[strings.LastIndexByte(runs, ',')+1:]
	return 1<<61 | uint64(hash32(run)&(1<<29-1))<<32
}

func hash32(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// addToEnv returns env with the mark added to those that are there already.
func (m processTag) addToEnv(env []string) []string {
	return append(env, peerVariable+"="+joinList(os.Getenv(peerVariable), m.id))
}

func joinList(list, id string) string {
	if list == "" {
		return id
	}
	return list + "," + id
}

// envCarries reports whether the environment block lists id in the variable.
func envCarries(block []byte, variable, id string) bool {
	if !bytes.Contains(block, []byte(id)) {
		return false
	}
	for entry := range bytes.SplitSeq(block, []byte{0}) {
		value, ok := bytes.CutPrefix(entry, []byte(variable+"="))
		if !ok {
			continue
		}
		for listed := range bytes.SplitSeq(value, []byte{','}) {
			if string(listed) == id {
				return true
			}
		}
	}
	return false
}
