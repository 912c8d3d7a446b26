package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/toxics/hook"
	"github.com/sockharness/harness/toxics/spec"
)

func TestRigConnections(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		closed, err := rig.AwaitAccepted(ctx, conn)
		if err != nil {
			return err
		}
		if ok, err := rig.WasAccepted(conn); !ok || err != nil {
			return fmt.Errorf("WasAccepted: got %v, %v after AwaitAccepted", ok, err)
		}
		if _, err := conn.Write([]byte("half")); err != nil {
			return err
		}
		if err := rig.AwaitRead(ctx, conn, 4); err != nil {
			return err
		}
		if where, err := rig.AwaitStuck(ctx, false); err != nil || where == "" {
			return fmt.Errorf("AwaitStuck: got %q, %v for a server that waits for the rest of a line", where, err)
		}
		if err := rig.FirstExchange(ctx); err != nil {
			return err
		}
		conn.Close()
		if !closed(ctx) {
			return errors.New("the server has not closed a connection that its client has closed")
		}
		played, err := rig.RunConversation(ctx)
		if err == nil && played.Err() != nil {
			err = played.Err()
		}
		rig.ReportStruck("the conversation was held")
		return err
	})
}

func TestRigProxy(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		if err := rig.SetFaults([]spec.Spec{scenario.SplitAt(event.Upstream, 2)}); err != nil {
			return err
		}
		conn, err := rig.DialProxy(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := exchange(conn, "hello\n"); err != nil {
			return err
		}
		if err := rig.AwaitDelivered(ctx, conn, 6); err != nil {
			return err
		}
		if _, err := rig.AwaitEvent(ctx, func(e event.Event) bool { return e.Kind == event.Struck && e.Offset == 2 }); err != nil {
			return err
		}
		if len(rig.Events()) == 0 || rig.ProxyAddr() == rig.ServerAddr() {
			return fmt.Errorf("got %d events, proxy %s, server %s", len(rig.Events()), rig.ProxyAddr(), rig.ServerAddr())
		}
		if _, err := rig.Accept(ctx); !errors.Is(err, errNoListener) {
			return fmt.Errorf("Accept without a listener: got %v", err)
		}
		if err := rig.SetAcceptMode(scenario.Refusing); err != nil {
			return err
		}
		if refused, err := rig.DialRefused(ctx); !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("DialRefused: got %v, %v from a proxy that refuses", refused, err)
		}
		return rig.SetAcceptMode(scenario.Accepting)
	})
}

func TestRigListener(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{Listen: true}, func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.DialProxy(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		accepted, err := rig.Accept(ctx)
		if err != nil {
			return err
		}
		defer accepted.Close()
		if _, err := accepted.Write([]byte("x")); err != nil {
			return err
		}
		_, err = io.ReadFull(conn, make([]byte, 1))
		return err
	})
}

func TestRigProcess(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		p, err := rig.ServerProcess()
		if err != nil {
			return err
		}
		if err := errors.Join(rig.PauseServer(ctx), rig.ResumeServer(), p.Pause(ctx), p.Resume(), rig.SendSIGCHLD(), p.Signal(syscall.SIGCONT)); err != nil {
			return err
		}
		if usage, err := p.Usage(); err != nil || usage.Descriptors == 0 {
			return fmt.Errorf("usage: got %+v, %v", usage, err)
		}
		if usage, err := rig.ServerUsage(); err != nil || usage.Descriptors == 0 {
			return fmt.Errorf("usage of the server: got %+v, %v", usage, err)
		}
		if out, err := p.Output(); err != nil || !bytes.Contains(out, []byte("listening")) {
			return fmt.Errorf("output: got %q, %v", out, err)
		}
		if _, ended := p.Exit(); ended || len(p.Tree()) == 0 {
			return fmt.Errorf("got ended %v, %d processes", ended, len(p.Tree()))
		}
		if busy, err := rig.MeasureSpin(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("spin: got %+v, %v", busy, err)
		}
		if _, err := p.Spin(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		return rig.AwaitAsleep(ctx)
	})
}

func TestRigLimits(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		p, err := rig.ServerProcess()
		if err != nil {
			return err
		}
		restore, err := p.LimitDescriptors(0)
		if errors.Is(err, scenario.ErrUnsupported) {
			return nil // this system does not let one process limit another
		} else if err != nil {
			return err
		}
		if exhausted, err := rig.DescriptorsExhausted(); !exhausted || err != nil {
			return fmt.Errorf("got exhausted %v, %v with no descriptor left", exhausted, err)
		}
		if err := restore(); err != nil {
			return err
		}
		if exhausted, err := rig.DescriptorsExhausted(); exhausted || err != nil {
			return fmt.Errorf("got exhausted %v, %v after the limit was restored", exhausted, err)
		}
		conn, err := rig.DialWindow(ctx, hook.SocketLimits{ReceiveBuffer: 4096})
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := exchange(conn, "hello\n"); err != nil {
			return err
		}
		if listeners, err := rig.ServerListeners(); err != nil || len(listeners) == 0 {
			return fmt.Errorf("listeners: got %v, %v", listeners, err)
		}
		return nil
	})
}

func TestRigRestarts(t *testing.T) {
	runCode(t, scenario.Server, scenario.Variant{}, func(ctx context.Context, rig scenario.Rig) error {
		second, err := rig.StartSecondInstance(ctx, rig.ServerAddr())
		if err != nil || second.Exit == nil || second.Exit.Success() || !strings.Contains(string(second.Stderr), "in use") {
			return fmt.Errorf("second instance on a taken port: got %+v, %v", second, err)
		}
		if err := rig.RestartServer(ctx); err != nil {
			return err
		}
		if err := rig.FirstExchange(ctx); err != nil {
			return err
		}
		if err := rig.TerminateServer(); err != nil {
			return err
		}
		p, err := rig.ServerProcess()
		if err != nil {
			return err
		}
		if exit, err := p.AwaitExit(ctx); err != nil || !exit.Success() {
			return fmt.Errorf("exit of the process after SIGTERM: got %v, %v", exit, err)
		}
		if exit, err := rig.AwaitExit(ctx); err != nil || !exit.Success() {
			return fmt.Errorf("exit after SIGTERM: got %v, %v", exit, err)
		}
		return rig.StartServer(ctx)
	})
}

func TestRigClient(t *testing.T) {
	runCode(t, scenario.Client, scenario.Variant{AcceptMode: scenario.Refusing}, func(ctx context.Context, rig scenario.Rig) error {
		client, err := rig.StartClient(ctx)
		if err != nil {
			return err
		}
		defer client.Close()
		state, err := client.WatchAttempts(ctx, 0, nil)
		if err != nil {
			return err
		}
		if state.TimedOut || state.Exit.Code != 3 {
			return fmt.Errorf("got %+v, want status 3 of a client that is refused", state)
		}
		if a := client.ConnectAttempts(); a.Exact && len(a.At) < 3 {
			return fmt.Errorf("got %d attempts, want 3", len(a.At))
		}
		if _, ended := client.Process().Exit(); !ended {
			return errors.New("the client has ended and Exit does not say so")
		}
		return nil
	})
}

// A client that nothing answers lasts until it is measured.
func TestRigClientUsage(t *testing.T) {
	runCode(t, scenario.Client, scenario.Variant{AcceptMode: scenario.BlackHoled}, func(ctx context.Context, rig scenario.Rig) error {
		client, err := rig.StartClient(ctx)
		if err != nil {
			return err
		}
		defer client.Close()
		if usage, err := client.MeasureUsage(); err != nil || usage.Processes < 1 {
			return fmt.Errorf("usage of the client: got %+v, %v", usage, err)
		}
		return nil
	})
}
