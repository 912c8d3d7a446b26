package datagram

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sockharness/harness/toxics"
)

// Whatever is asked for is refused with words, or does what it does to any
// datagram without a panic, within bounds.
func FuzzMake(f *testing.F) {
	for _, k := range Catalogue() {
		f.Add(k.Name, []byte("payload"))
		for _, a := range k.Attributes {
			for _, value := range []string{"-1", "0", "1", "9223372036854775807", "x", "true", "1e3", ""} {
				f.Add(k.Name+" "+a.Name+"="+value, []byte("x"))
			}
		}
	}
	f.Add("latency latency=10 jitter=4611686018427 reorder=true at.byte=3 toxicity=0.5", []byte{})
	f.Add("half_close", []byte{})
	f.Fuzz(func(t *testing.T, flag string, payload []byte) {
		spec, err := toxics.ParseFlag(flag)
		if err != nil {
			return
		}
		toxic, err := MakeToxic(spec)
		if err != nil {
			if err.Error() == "" {
				t.Error("refused without a word")
			}
			return
		}
		synctest.Test(t, func(t *testing.T) {
			b := newBench(1, []Toxic{toxic})
			for range 5 {
				b.carryDatagram(payload)
			}
			time.Sleep(time.Minute)
			b.updateChain(nil)
			synctest.Wait()
			if len(b.came) > 5*1001 {
				t.Errorf("%d came of 5", len(b.came))
			}
			b.finish()
		})
	})
}
