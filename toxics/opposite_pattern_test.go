package toxics

import (
	"sync"
	"testing"
	"testing/synctest"
)

// meet returns the toxic and its watch on two directions of one connection.
func meet(t *testing.T, flag string) (toxic, watch *bench) {
	t.Helper()
	made := mustMake(t, flag)
	connection := new(sync.Map)
	wires := [2]*fakeWire{newWire(t), newWire(t)}
	wires[0].shared, wires[1].shared = connection, connection
	return benchFor(t, wires[0], made.Instance), benchFor(t, wires[1], made.Watch)
}

// The answer to the pattern is struck, however the pattern is cut, and nothing before.
func TestOppositePatternStrikes(t *testing.T) {
	for _, request := range [][]string{{"GET /slow HTTP"}, {"GET", " /sl", "ow"}, {"G", "GET /slow"}} {
		synctest.Test(t, func(t *testing.T) {
			toxic, watch := meet(t, `reset at.opposite="GET /slow"`)
			watch.send("GET /fast")
			watch.expect("GET /fast")
			toxic.send("answer")
			toxic.expect("answer")
			for _, part := range request {
				watch.send(part)
				watch.expect(part)
			}
			toxic.expectClosed()
			toxic.expectStruck("6: reset")
			watch.send("GET /slow again")
			watch.expect("GET /slow again")
			watch.expectStruck()
			close(watch.input)
			watch.expectClosed()
		})
	}
}

// What comes after the pattern was seen is struck even when the toxic has not
// yet had the time to notice: that the pattern came first is what counts.
func TestOppositePatternComesFirst(t *testing.T) {
	for range 200 {
		toxic, watch := meet(t, "corrupt offsets=0 mask=1 at.opposite=?")
		toxic.interrupt()
		watch.send("?")
		watch.expect("?")
		toxic.run()
		toxic.send("a")
		toxic.expect("`")
		close(toxic.input)
		toxic.expectClosed()
		close(watch.input)
		watch.expectClosed()
	}
}

// A connection whose toxics cannot meet is not struck, and loses nothing.
func TestOppositePatternAlone(t *testing.T) {
	b := benchWith(t, newWire(t), "reset at.opposite=x")
	b.send("hello")
	b.expect("hello")
	close(b.input)
	b.expectClosed()
	b.expectStruck()
}
