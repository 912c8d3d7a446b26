package link

import "context"

// An item is what a joint moves: a chunk, or the end of the stream.
type item struct {
	chunk   *chunk
	bytes   int64 // of the chunk: once sent on it is the toxic's, which may change it
	end     bool
	verdict *endCause     // of the end
	fence   chan struct{} // closed by the writer when everything before it is written
}

// A stageOutput is where chunks come from: a stage, or nothing but what is queued.
type stageOutput struct {
	chunks <-chan *chunk
	stage  *stage
	ended  bool // the end of the stream was taken; owned by the joint behind it
}

// A pump moves chunks from one stage to the next, or to the writer. It holds
// one of them, so that a slow destination is felt upstream; once it is elastic
// it takes whatever comes, so that the stage before it is never stuck in a send.
type pump struct {
	from   *stageOutput // nil: the reader fills the queue
	next   *stage       // nil: the writer
	writer *writer
	queue  []item

	unbounded chan struct{} // closed to make it take whatever comes
	stop      chan struct{} // closed to make it return and leave its queue
	done      chan struct{} // closed when it has returned
}

func newPump(prev, next *stage, w *writer, queue []item) *pump {
	j := &pump{next: next, writer: w, queue: queue,
		unbounded: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	if prev != nil {
		j.from = &prev.outlet
	}
	return j
}

// setUnbounded makes the joint elastic.
func (j *pump) setUnbounded() {
	select {
	case <-j.unbounded:
	default:
		close(j.unbounded)
	}
}

// runPump moves items until it is stopped or the context ends.
func (j *pump) runPump(ctx context.Context) {
	defer close(j.done)
	elastic := j.unbounded
	for {
		var from <-chan *chunk
		if !j.from.ended && len(j.queue) == 0 || elastic == nil {
			from = j.from.chunks
		}
		toStage, toWriter, head, over := j.nextOffers()
		select {
		case c, ok := <-from:
			if !j.enqueueChunk(ctx, c, ok) {
				return
			}
		case toStage <- head.chunk:
			j.dropHead(head)
		case toWriter <- head:
			j.dropHead(head)
		case <-over:
			j.queue, elastic = nil, nil
		case <-elastic:
			elastic = nil
		case <-j.stop:
			return
		case <-ctx.Done():
			return
		}
	}
}

// nextOffers returns the channels that the head of the queue may leave by, and the
// one that tells that the next stage takes nothing any more. Nothing is sent
// behind the end of a stream.
func (j *pump) nextOffers() (toStage chan<- *chunk, toWriter chan<- item, head item, over <-chan struct{}) {
	if j.nextClosed() {
		j.queue = nil
		return nil, nil, item{}, nil
	}
	if j.next != nil {
		over = j.next.over
	}
	if len(j.queue) == 0 {
		return nil, nil, item{}, over
	}
	head = j.queue[0]
	if j.next == nil {
		return nil, j.writer.in, head, nil
	}
	if head.end && !j.next.offered.Load() {
		j.next.inbound = head.verdict
		j.next.offered.Store(true)
	}
	return j.next.in, nil, head, over
}

// endOffered returns where the end of the stream was offered to and not taken.
// A toxic that has closed its output may be waiting to learn which.
func (j *pump) endOffered() chan<- *chunk {
	if j == nil || j.next == nil || j.nextClosed() || !j.next.offered.Load() {
		return nil
	}
	return j.next.in
}

// nextClosed reports whether the next one takes nothing any more.
func (j *pump) nextClosed() bool {
	if j.next == nil {
		return j.writer.sealed
	}
	return j.next.sealed || j.next.isOver()
}

// dropHead takes the head off the queue.
func (j *pump) dropHead(head item) {
	j.queue = j.queue[1:]
	switch {
	case j.next == nil:
		j.writer.sealed = j.writer.sealed || head.end
		j.writer.taken += head.bytes
	case head.end:
		j.next.sealed = true
		close(j.next.in)
	default:
		j.next.entered += head.bytes
	}
}

// enqueueChunk puts what has come into the queue. It returns false when the joint has
// to return.
func (j *pump) enqueueChunk(ctx context.Context, c *chunk, ok bool) bool {
	switch {
	case !ok && j.from.ended:
		j.from.chunks = nil
		return true
	case c == nil && !j.from.ended:
		return j.takeEnd(ctx, ok)
	case c == nil || len(c.Data) == 0 || j.from.ended:
		return true
	}
	j.from.stage.emitted.Add(int64(len(c.Data)))
	if !j.nextClosed() {
		j.queue = append(j.queue, chunkItem(c))
	}
	return true
}

// takeEnd puts the end of the stream into the queue. A toxic which sends nil
// instead of closing its output is taken at its word. When the joint has to
// return before the stage has said how the stream ends, it leaves that to the
// next joint.
func (j *pump) takeEnd(ctx context.Context, ok bool) bool {
	end := item{end: true}
	prev := j.from.stage
	switch {
	case ok && prev.offered.Load():
		end.verdict = prev.inbound
	case ok:
		end.verdict = &endCause{toxic: prev.asked.Name}
	default:
		select {
		case <-prev.over:
			end.verdict = prev.outbound
		case <-j.stop:
			return false
		case <-ctx.Done():
			return false
		}
	}
	j.from.ended = true
	if !j.nextClosed() {
		j.queue = append(j.queue, end)
	}
	return true
}

func chunkItem(c *chunk) item { return item{chunk: c, bytes: int64(len(c.Data))} }

// queueBytes returns how many bytes a queue holds.
func queueBytes(queue []item) (n int64) {
	for _, i := range queue {
		n += i.bytes
	}
	return n
}
