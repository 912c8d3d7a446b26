package peer

// A Send is one send on a stream socket that a program has connected: send, sendto, sendmsg,
// write or writev.
type Send struct {
	To     string // where the socket is connected: HOST:PORT, or unix:PATH
	Bytes  int    // that the program wants to send
	Blocks bool   // the socket is not O_NONBLOCK
}
