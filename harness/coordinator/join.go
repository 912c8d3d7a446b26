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
	"regexp"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// Environment is the variable in which a worker finds its coordinator.
const Environment = "HARNESS_COORDINATOR"

// ErrNoCoordinator is what Join returns in a process that no coordinator
// started.
var ErrNoCoordinator = errors.New("no coordinator started this process")

// A Worker is a worker process's own view of its place in the run.
type Worker struct {
	address string
	orders  orders
	client  *rpc.Client
}

// JoinCoordinator asks the coordinator that started this process for its orders. Call it
// once, before RunSpecs, and then [Worker.ConfigureSuite] and [Worker.ReportStarted].
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
	w := &Worker{address: address, client: client}
	if err := w.callMethod(ctx, "Server.Join", void{}, &w.orders); err != nil {
		return nil, errors.Join(fmt.Errorf("coordinator join: %w", err), client.Close())
	}
	return w, nil
}

// ConfigureSuite puts the worker's place into the configuration for RunSpecs, which
// otherwise must have the filters of the preview.
//
// It also replaces settings that do not go with a coordinator: the suite's
// Timeout is the coordinator's context; GracePeriod is at most half of Config.Grace,
// so that Ginkgo acts before the coordinator kills; and output is intercepted
// in a way that leaves a crash's trace on stderr.
func (w *Worker) ConfigureSuite(c *types.SuiteConfig) {
	o := w.orders
	c.ParallelProcess, c.ParallelTotal, c.ParallelHost = o.Process, o.Total, w.address
	c.RandomSeed, c.FailFast, c.Timeout = o.Seed, o.FailFast, 0
	c.GracePeriod = min(c.GracePeriod, time.Duration(o.Grace)/2)
	if c.OutputInterceptorMode == "" {
		c.OutputInterceptorMode = "swap"
	}
	if o.NoSerial {
		c.LabelFilter = joinFilters(c.LabelFilter, "!Serial")
	}
	c.SkipStrings = append(c.SkipStrings, skipNames(o.Description, o.Finished)...)
}

// skipNames returns the expressions that leave out the specs of those names.
func skipNames(description string, names []string) (skip []string) {
	for _, name := range names {
		skip = append(skip, `\A`+regexp.QuoteMeta(description+" "+name)+`\z`)
	}
	return skip
}

func joinFilters(filter, more string) string {
	if filter == "" {
		return more
	}
	return "(" + filter + ") && " + more
}

// ReportStarted tells the coordinator that the spec of r is about to run, and blocks
// until it knows. Call it from a ReportBeforeEach. Specs that are skipped or
// pending are not told, nor are those of which the coordinator knows when it hands them out.
func (w *Worker) ReportStarted(ctx context.Context, r types.SpecReport) error {
	if w.orders.Single || r.State.Is(types.SpecStateSkipped|types.SpecStatePending) {
		return nil
	}
	if err := w.callMethod(ctx, "Server.Started", r.FullText(), &void{}); err != nil {
		return fmt.Errorf("coordinator started: %w", err)
	}
	return nil
}

// SpecsAhead returns the full texts of specs that this worker is likely to be given after the one that
// it runs, and may play beside that one, see [Config]. There are more while the processors
// have nothing to do. It blocks until the coordinator answers.
func (w *Worker) SpecsAhead(ctx context.Context) ([]string, error) {
	var names []string
	if err := w.callMethod(ctx, "Server.Ahead", void{}, &names); err != nil {
		return nil, fmt.Errorf("coordinator ahead: %w", err)
	}
	return names, nil
}

// Close ends the connection of Join and Started; RunSpecs has its own.
func (w *Worker) Close() error { return w.client.Close() }

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
