package api

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/event"
)

// One reader gets 50,000 events without loss, and in order.
func TestFloodOfEventsIsReadWhole(t *testing.T) {
	const flood = 50_000
	d, url := serve(t, Config{})
	response, err := http.Get(url + "/events?since=0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	began := time.Now()
	go func() {
		for range flood {
			d.history.publishEvent(event.Event{Kind: event.Accept, Proxy: "p", Conn: 1, Side: event.Client, Detail: "127.0.0.1:40000 to 127.0.0.1:7000"})
		}
	}()
	read := 0
	for lines := bufio.NewScanner(response.Body); read < flood && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: dropped") {
			t.Fatalf("a loss after %d events", read)
		}
		if strings.HasPrefix(lines.Text(), "data: ") {
			read++
		}
	}
	if read != flood {
		t.Errorf("got %d events", read)
	}
	t.Logf("%d events in %v", flood, time.Since(began))
}
