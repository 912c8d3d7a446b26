package sock

import (
	"bytes"
	"errors"

	"golang.org/x/sys/unix"
)

// What is asked of a unix socket, and the attributes that answer it: linux/unix_diag.h.
const (
	unixShow = 1 | 4 | 16 // UDIAG_SHOW_NAME, _PEER, _RQLEN; shutdown is always told

	unixName     = 0
	unixPeer     = 2
	unixQueues   = 4
	unixShutdown = 6
)

// unixSockets asks for the stream socket with the inode, or for all of them.
func (c *client) unixSockets(inode uint32) ([]UnixSocket, error) {
	r := c.request[headerSize:]
	clear(r)
	r[0] = unix.AF_UNIX
	native.PutUint32(r[4:], ^uint32(0)) // any state
	native.PutUint32(r[8:], inode)
	native.PutUint32(r[12:], unixShow)
	native.PutUint64(r[16:], ^uint64(0)) // no cookie
	flags := uint16(unix.NLM_F_REQUEST)
	if inode == 0 {
		flags |= unix.NLM_F_DUMP
	}
	if err := c.sendRequest(flags); err != nil {
		return nil, err
	}
	var all []UnixSocket
	err := c.receiveReplies(func(message []byte) {
		if message[1] == unix.SOCK_STREAM {
			all = append(all, decodeUnix(message))
		}
	})
	if errors.Is(err, unix.ENOENT) && inode != 0 {
		return nil, ErrNotFound
	}
	return all, err
}

func decodeUnix(m []byte) UnixSocket {
	s := UnixSocket{State: State(m[2]), Inode: native.Uint32(m[4:])}
	for kind, body := range Attributes(m[unixSize:]) {
		switch {
		case kind == unixName:
			s.Name = decodeUnixName(body)
		case kind == unixPeer && len(body) >= 4:
			s.Peer = native.Uint32(body)
		case kind == unixQueues && len(body) >= 8:
			s.Unread, s.Unsent = native.Uint32(body), native.Uint32(body[4:])
		case kind == unixShutdown && len(body) >= 1:
			s.Over = body[0] == 3
		}
	}
	return s
}

// decodeUnixName writes an abstract name as package net does.
func decodeUnixName(b []byte) string {
	if len(b) > 0 && b[0] == 0 {
		return "@" + string(b[1:])
	}
	return string(bytes.TrimRight(b, "\x00"))
}
