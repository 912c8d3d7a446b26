package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

func (r *rig) outage(o Outage) {
	r.t.Helper()
	if err := r.proxy.StartOutage(o); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) heal() {
	r.t.Helper()
	if err := r.proxy.Heal(); err != nil {
		r.t.Fatal(err)
	}
}

// A one-sided partition holds back one direction alone, answers no connect, and loses
// nothing when it is healed.
func TestOneSidedPartition(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	downstream := event.Downstream
	r.outage(Outage{Kind: Partition, OneSided: &downstream})
	send(t, client, "a request")
	wantRead(t, server, "a request")
	send(t, server, "an answer")
	_ = client.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := client.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes, %v through a partition", n, err)
	}
	if _, err := net.DialTimeout("tcp", r.proxy.Addr().String(), 50*time.Millisecond); !os.IsTimeout(err) {
		t.Errorf("a connect during a partition: got %v, want no answer", err)
	}
	if r.proxy.Mode() != Accept || len(r.proxy.Toxics()) != 0 {
		t.Errorf("mode %v and toxics %v are not what was asked for", r.proxy.Mode(), r.proxy.Toxics())
	}
	r.heal()
	_ = client.SetReadDeadline(time.Now().Add(bound))
	wantRead(t, client, "an answer")
	r.pair() // a connect succeeds again
}

// New connects are refused while those that are open live on.
func TestNewOnesAreRefusedOldOnesLive(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.pair()
	r.outage(Outage{Kind: RefuseNew})
	r.wantRefused()
	r.mode(Accept) // what is asked for meanwhile comes after it
	r.wantRefused()
	send(t, client, "still here")
	wantRead(t, server, "still here")
	r.heal()
	r.pair()
}

// The first connections fail, and the next ones work without anybody's help.
func TestFirstConnectionsFail(t *testing.T) {
	for _, how := range []Failing{"", FailByReset, FailByClose} {
		r := newRig(t, nil)
		r.pair() // one that does not count
		r.outage(Outage{Kind: Fail, First: 2, How: how, For: time.Hour})
		for i := range 2 {
			until(t, "those before were counted", func() bool { return r.proxy.Served() == uint64(1+i) })
			if o, _ := r.proxy.Outage(); o.First != uint64(2-i) || o.For <= 0 || o.For > time.Hour {
				t.Errorf("%d have failed, and %v is left", i, o)
			}
			c, err := tryDial(r.proxy.Addr().String())
			if err != nil { // it was reset that soon
				continue
			}
			_, err = io.ReadAll(c)
			if reset := errors.Is(err, syscall.ECONNRESET); reset != (how != FailByClose) {
				t.Errorf("%q: got %v", how, err)
			}
			_ = c.Close()
		}
		until(t, "both were counted", func() bool { return r.proxy.Served() == 3 })
		if o, ok := r.proxy.Outage(); ok {
			t.Errorf("%v is not over", o)
		}
		works(t, r)
	}
}

// works waits until a connection is served to its end.
func works(t *testing.T, r *rig) {
	t.Helper()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			c, err := r.listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	until(t, "a connection works", func() bool {
		c, err := tryDial(r.proxy.Addr().String())
		if err != nil {
			return false
		}
		defer c.Close()
		_, _ = io.WriteString(c, "hello")
		_ = c.CloseWrite()
		echo, err := io.ReadAll(c)
		return err == nil && string(echo) == "hello"
	})
}

// An outage of a time is over by itself; one that is replaced does not end the next one.
func TestOutageEndsByItself(t *testing.T) {
	for _, how := range []Failing{FailByRefuse, FailByBlackHole, FailByReset} {
		r := newRig(t, nil)
		r.outage(Outage{Kind: Fail, How: how, For: 30 * time.Millisecond})
		r.wantEvent("heal", func(e event.Event) bool { return e.Kind == event.OutageSet && e.Detail == "healed" })
		works(t, r)
	}
	r := newRig(t, nil)
	r.outage(Outage{Kind: RefuseNew, For: time.Millisecond})
	r.outage(Outage{Kind: RefuseNew, For: time.Hour})
	if o, ok := r.proxy.Outage(); !ok || o.For <= 0 || o.For > time.Hour {
		t.Errorf("got %v, %v", o, ok)
	}
	r.wantRefused()
}

func TestOutageRefusesMistakes(t *testing.T) {
	r := newRig(t, nil)
	d := event.Upstream
	for _, c := range []struct {
		o    Outage
		want string
	}{
		{Outage{}, "outage must be partition, refuse_new or fail"},
		{Outage{Kind: RefuseNew, OneSided: &d}, "only a partition has a direction"},
		{Outage{Kind: Partition, First: 1}, "say what fails"},
		{Outage{Kind: Fail}, "fail needs first, for, or both"},
		{Outage{Kind: Fail, First: 1, How: FailByRefuse}, "a port cannot refuse some connects alone"},
		{Outage{Kind: Fail, First: 1, How: "crash"}, "how must be reset, close, refuse or blackhole"},
		{Outage{Kind: Partition, For: -1}, "for must be at least 0"},
	} {
		if err := r.proxy.StartOutage(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %s", c.o, err, c.want)
		}
	}
	if err := r.proxy.Heal(); err != nil {
		t.Errorf("without an outage: %v", err)
	}
}
