package coordinator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
)

// Environment is the variable in which a worker finds its coordinator.
const Environment = "HARNESS_COORDINATOR"

// ErrNoCoordinator is what Join returns in a process that no coordinator
// started.
var ErrNoCoordinator = errors.New("no coordinator started this process")

// A Worker is the connection of a worker process to the coordinator that started it.
type Worker struct {
	client *rpc.Client
	mark   *startMark
}

// JoinCoordinator asks the coordinator that started this process for its orders. Call it
// once, and then [Worker.PlaySpecs]. The caller closes the worker.
//
// The coordinator holds the other end of stdin, which Join reads from then on.
// When it ends, the coordinator is dead, even by kill -9: orphaned is then called on
// a goroutine of its own, to clean up and call os.Exit at once.
//
// Join unsets [Environment], so that children are not taken for workers.
func JoinCoordinator(ctx context.Context, orphaned func()) (*Worker, error) {
	address := os.Getenv(Environment)
	if address == "" {
		return nil, ErrNoCoordinator
	}
	if err := os.Unsetenv(Environment); err != nil {
		return nil, fmt.Errorf("coordinator environment: %w", err)
	}
	go func() {
		// Any error says the same as the end.
		_, _ = io.Copy(io.Discard, os.Stdin)
		orphaned()
	}()
	client, err := dialRPC(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("coordinator join: %w", err)
	}
	w := &Worker{client: client}
	var o orders
	if err := w.callMethod(ctx, "Server.Join", void{}, &o); err != nil {
		return nil, errors.Join(fmt.Errorf("coordinator join: %w", err), client.Close())
	}
	w.mark = markIn(o.Mark)
	return w, nil
}

// SpecsAhead returns the full texts of the specs that this worker is likely to get after the
// current one, and may run beside it, see [Config]. There are more while processors are idle. It
// blocks until the coordinator answers.
func (w *Worker) SpecsAhead(ctx context.Context) ([]string, error) {
	var names []string
	if err := w.callMethod(ctx, "Server.Ahead", void{}, &names); err != nil {
		return nil, fmt.Errorf("coordinator ahead: %w", err)
	}
	return names, nil
}

// Close ends the connection to the coordinator.
func (w *Worker) Close() error {
	w.mark.close()
	return w.client.Close()
}

func (w *Worker) callMethod(ctx context.Context, method string, argument, answer any) error {
	call := w.client.Go(method, argument, answer, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}

// dialRPC does what rpc.DialHTTPPath does, with a context.
func dialRPC(ctx context.Context, address string) (*rpc.Client, error) {
	dialer := net.Dialer{}
	dialer.SetMultipathTCP(false)
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	in := bufio.NewReader(conn)
	_, err = io.WriteString(conn, "CONNECT / HTTP/1.0\n\n")
	if err == nil {
		_, err = http.ReadResponse(in, &http.Request{Method: http.MethodConnect})
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return rpc.NewClient(buffered{conn, in}), nil
}
