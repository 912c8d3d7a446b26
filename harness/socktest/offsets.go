package socktest

// EachOffset calls body once for each byte of the message, with its offset, from 0 up
// to the last byte: wherever a stream that ends there has only a part of the message.
//
//	socktest.EachOffset(reply, func(at int64) {
//		px := socktest.NewProxy(t, server.Addr())
//		px.Inject(socktest.ResetAt(socktest.Downstream, at))
//		…
//	})
func EachOffset(message []byte, body func(at int64)) {
	for at := range int64(len(message)) {
		body(at)
	}
}
