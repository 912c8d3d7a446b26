package peer

// A Send is one send on a stream socket that a program has connected: send, sendto, sendmsg,
// write or writev.
type Send struct {
	To     string // where the socket is connected: HOST:PORT, or unix:PATH
	Bytes  int    // that the program wants to send
	Blocks bool   // the socket is not O_NONBLOCK

	// Peek returns the first of them, n at most; nil where the program's memory cannot be read.
	// It works until the send is answered.
	Peek func(n int) []byte
}
