package sock

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func holders(inodes []uint32) map[uint32][]int {
	found := map[uint32][]int{}
	for _, i := range inodes {
		found[i] = nil
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		files, _ := os.ReadDir(dir) // that of another user is closed to us
		for _, f := range files {
			inode, ok := socketInode(filepath.Join(dir, f.Name()))
			if pids, wanted := found[inode]; ok && wanted {
				found[inode] = append(pids, pid)
			}
		}
	}
	return found
}

// socketInode returns the inode of the socket that a link of /proc/PID/fd leads to.
func socketInode(link string) (uint32, bool) {
	target, _ := os.Readlink(link)
	number, ok := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(number, 10, 32)
	return uint32(inode), err == nil
}
