// Package adapter runs toxics that were written for Toxiproxy, unchanged.
//
//	slow := adapter.ForeignToxic{
//		Toxic:  &tp.SlowCloseToxic{Delay: 100},
//		Effect: adapter.Effect{Detail: "end of stream delayed by 100ms", Bytes: -1, EOF: true},
//	}
//	toxic := &engine.AttachableToxic{Behavior: slow} // runs in a link
//
// All that is added is the report of when the toxic takes effect, which Toxiproxy's
// do not make.
package adapter
