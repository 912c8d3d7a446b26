package datagram

import (
	"container/heap"
	"slices"
	"time"
)

// maxHeld is how much payload a toxic holds in one link. What comes on top of it
// is lost.
const maxHeld = 64 << 20

// overhead is what a packet counts beside its payload, so that empty ones cannot
// fill the memory.
const overhead = 64

// never is the time of what is not handed on by itself.
var never = time.Unix(1<<40, 0)

// A queue holds packets until their times, those of the same time in order.
type queue struct {
	items   items
	next    uint64
	bytes   int64 // payload
	weight  int64 // with overhead
	started bool  // the effect was told of
}

type item struct {
	packet
	at    time.Time
	place uint64
}

// holdUntil holds a packet until a time; false when there is no room.
func (q *queue) holdUntil(p packet, at time.Time) bool {
	weight := int64(len(p.data)) + overhead
	if q.weight+weight > maxHeld {
		return false
	}
	q.weight += weight
	q.bytes += int64(len(p.data))
	heap.Push(&q.items, item{p, at, q.next})
	q.next++
	return true
}

func (q *queue) takeFirst() item {
	i := heap.Pop(&q.items).(item)
	q.weight -= int64(len(i.data)) + overhead
	q.bytes -= int64(len(i.data))
	return i
}

func (q *queue) nextDue() time.Time {
	if len(q.items) == 0 || q.items[0].at.Equal(never) {
		return time.Time{}
	}
	return q.items[0].at
}

func (q *queue) wakeDue(_ *stage, at time.Time, next pass) {
	for len(q.items) > 0 && !q.items[0].at.After(at) {
		i := q.takeFirst()
		next(i.packet, i.at)
	}
}

// flushAll returns the packets in the order in which they came.
func (q *queue) flushAll() []packet {
	slices.SortFunc(q.items, func(a, b item) int { return int(a.place) - int(b.place) })
	var list []packet
	for _, i := range q.items {
		list = append(list, i.packet)
	}
	q.items, q.bytes, q.weight = nil, 0, 0
	return list
}

// items implements [heap.Interface].
type items []item

func (l items) Len() int { return len(l) }
func (l items) Less(i, j int) bool {
	if l[i].at.Equal(l[j].at) {
		return l[i].place < l[j].place
	}
	return l[i].at.Before(l[j].at)
}
func (l items) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *items) Push(x any)   { *l = append(*l, x.(item)) }
func (l *items) Pop() any {
	last := (*l)[len(*l)-1]
	(*l)[len(*l)-1] = item{}
	*l = (*l)[:len(*l)-1]
	return last
}
