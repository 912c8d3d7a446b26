package link

import (
	"container/heap"
	"time"
)

// A TimerHeap keeps what is to happen, in the order of the times. The zero Timetable
// is empty. It is not safe for concurrent use.
type TimerHeap[T any] struct{ entries entries[T] }

// An Entry is a thing that is to happen.
type Entry[T any] struct {
	At    time.Time // when it is due
	What  T         // what is due then
	index int       // in the heap, or -1
}

// Add enters what is to happen at a time.
func (t *TimerHeap[T]) Add(at time.Time, what T) *Entry[T] {
	e := &Entry[T]{At: at, What: what}
	heap.Push(&t.entries, e)
	return e
}

// Next returns the entry that comes first, and nil when there is none.
func (t *TimerHeap[T]) Next() *Entry[T] {
	if len(t.entries) == 0 {
		return nil
	}
	return t.entries[0]
}

// Due takes out the entry that comes first if its time has come, and returns nil when
// there is none.
func (t *TimerHeap[T]) Due(now time.Time) *Entry[T] {
	first := t.Next()
	if first == nil || first.At.After(now) {
		return nil
	}
	t.Remove(first)
	return first
}

// Remove takes an entry out, if it is in there still.
func (t *TimerHeap[T]) Remove(e *Entry[T]) {
	if e.index >= 0 {
		heap.Remove(&t.entries, e.index)
	}
}

// entries implements [heap.Interface].
type entries[T any] []*Entry[T]

func (l entries[T]) Len() int           { return len(l) }
func (l entries[T]) Less(i, j int) bool { return l[i].At.Before(l[j].At) }
func (l entries[T]) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].index, l[j].index = i, j
}

func (l *entries[T]) Push(x any) {
	x.(*Entry[T]).index = len(*l)
	*l = append(*l, x.(*Entry[T]))
}

func (l *entries[T]) Pop() any {
	last := (*l)[len(*l)-1]
	(*l)[len(*l)-1] = nil
	*l = (*l)[:len(*l)-1]
	last.index = -1
	return last
}
