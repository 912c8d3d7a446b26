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

// What is appended is what encoding/json makes of the fields that mean something.
func FuzzAppendJSON(f *testing.F) {
	for _, text := range []string{"", "p", "a\"b\\c<d>&\x00\xff\u2028é", "127.0.0.1:1 ← client"} {
		f.Add(uint64(1)<<40, int64(1234567), int64(93), text, uint8(3))
		f.Add(uint64(0), int64(-999), int64(-1), text, uint8(12))
	}
	kinds := []Kind{Bytes, FIN, Accept, ToxicAdded, ""}
	f.Fuzz(func(t *testing.T, id uint64, ns, n int64, text string, bits uint8) {
		e := Event{ID: id >> 1, At: time.Duration(ns), Kind: kinds[int(bits)%len(kinds)], Proxy: text, Conn: id >> 1, Direction: Direction(bits & 1),
			Side: Side(text), First: bits&2 != 0, Offset: n, Bytes: n, Toxic: text, Ending: Ending(text), Errno: text, Detail: text}
		if bits&4 != 0 {
			e.Time = time.Unix(n%(1<<37), ns%1e9).UTC()
		}
		w := written{ID: e.ID, AtMs: float64(e.At.Microseconds()) / 1000, Kind: e.Kind, Proxy: e.Proxy, Conn: e.Conn,
			Side: e.Side, First: e.First, Offset: e.Offset, Bytes: e.Bytes, Toxic: e.Toxic, Ending: e.Ending, Errno: e.Errno, Detail: e.Detail}
		if !e.Time.IsZero() {
			w.Time = &e.Time
		}
		if e.Kind.HasDirection() || e.Direction != Upstream {
			w.Direction = e.Direction.String()
		}
		want, wantErr := json.Marshal(w)
		got, err := e.AppendJSON([]byte("before "))
		if (err != nil) != (wantErr != nil) || err == nil && string(got) != "before "+string(want) {
			t.Errorf("got %s, %v, want %s, %v", got, err, want, wantErr)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	e := Event{ID: 1 << 20, At: time.Minute, Time: time.Now(), Kind: Bytes, Proxy: "events", Conn: 3, Direction: Downstream, Side: Server, Offset: 1 << 30, Bytes: 10}
	var text []byte
	for b.Loop() {
		text, _ = e.AppendJSON(text[:0])
	}
	b.SetBytes(int64(len(text)))
}
