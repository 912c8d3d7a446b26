package event

import (
	"encoding/json"
	"testing"
	"time"
)

func TestEventSurvivesJSON(t *testing.T) {
	events := []Event{
		{},
		{At: 1234567 * time.Microsecond, Kind: Bytes, Proxy: "kv", Conn: 3, Direction: Downstream, Side: Server, Offset: 1 << 40, Bytes: 17},
		{At: 333 * time.Microsecond, Kind: RST, Conn: 1, Side: Client, First: true, Detail: "unread data\x00 \"quoted\""},
		{At: 72*time.Hour + time.Microsecond, Kind: Struck, Direction: Upstream, Toxic: "half_close", Offset: 93},
		{ID: 1 << 40, Time: time.Unix(1, 5000).UTC(), Kind: DialFailed, Ending: Refused, Errno: "ECONNREFUSED"},
		{ID: 3, Kind: ToxicAdded, Direction: Downstream, Toxic: "slow", Detail: "latency"},
		{Kind: Leaked, Conn: 2, Direction: Downstream, Toxic: "sleepy"},
		{Kind: Refuse, Direction: Downstream},
		{Kind: Accept, Side: Client, Detail: "127.0.0.1:40000"},
	}
	for _, want := range events {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Event
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestEventRejectsForeignJSON(t *testing.T) {
	for _, text := range []string{`{"direction":"sideways"}`, `{"at_ms":"soon"}`, `[]`} {
		e := Event{Kind: Bytes}
		if err := json.Unmarshal([]byte(text), &e); err == nil {
			t.Errorf("%s: got %+v, want an error", text, e)
		}
		if e.Kind != Bytes {
			t.Errorf("%s: the event was changed to %+v", text, e)
		}
	}
}
