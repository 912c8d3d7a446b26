package runner

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// tellingServer tells each client its own address, as a node of Redis Cluster does, and answers
// one line.
func tellingServer(port string) int {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return 1
		}
		go func() {
			defer conn.Close()
			line, _ := bufio.NewReader(conn).ReadString('\n')
			if line == "where\n" {
				line = conn.LocalAddr().String() + "\n"
			}
			_, _ = io.WriteString(conn, line)
			_, _ = conn.Read(make([]byte, 1)) // the client closes
		}()
	}
}

// leavingClient asks where the server is, and goes there.
func leavingClient(address string) int {
	for _, line := range []string{"where\n", "hello\n"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		_, _ = io.WriteString(conn, line)
		answer, err := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if err != nil {
			return 1
		}
		address = strings.TrimSpace(answer)
	}
	fmt.Println(address)
	return 0
}
