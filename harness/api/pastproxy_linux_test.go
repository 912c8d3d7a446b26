package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// A client that has gone past its proxy, and stays, is told of once.
func TestClientPastTheProxyIsTold(t *testing.T) {
	_, url := serve(t, Config{})
	server := listen(t)
	addr := newProxy(t, url, "p", server.Addr().String())
	c := dial(t, addr)
	accept(t, server)
	past := dial(t, server.Addr().String())
	accept(t, server)
	var told []event.Event
	for end := time.Now().Add(time.Minute); len(told) == 0 && time.Now().Before(end); {
		told = slices.DeleteFunc(historyAfter(t, url, 0).Events, func(e event.Event) bool { return e.Kind != event.PastProxy })
		<-time.After(50 * time.Millisecond) // until the next request
	}
	if len(told) != 1 || told[0].Proxy != "p" || !strings.HasPrefix(told[0].Detail, "1 connection from 127.0.0.1 came to the server "+server.Addr().String()+" past the proxy") {
		t.Errorf("got %+v of a client at %v", told, past.LocalAddr())
	}
	_ = c.Close()
}
