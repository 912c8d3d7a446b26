package proxy

import (
	"testing"

	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/toxics"
)

// The fingerprint is that of the random choices: the same for the same, another for
// whatever changes them.
func TestFingerprint(t *testing.T) {
	of := func(root int64, flags ...string) string {
		var made []toxics.Toxic
		for _, f := range flags {
			spec, err := toxics.ParseFlag(f)
			if err != nil {
				t.Fatal(err)
			}
			m, err := toxics.MakeToxic(spec)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, m)
		}
		return Config{Name: "any", Upstream: "127.0.0.1:1", Seed: seed.New(root)}.FingerprintSpecs(made)
	}
	const loss = "packet_loss loss_rate=0.5"
	one := of(1, loss)
	if again := of(1, loss); again != one || len(one) != 16 {
		t.Errorf("got %s, then %s", one, again)
	}
	for name, other := range map[string]string{
		"seed": of(2, loss), "toxic's seed": of(1, loss+" seed=7"), "attribute": of(1, "packet_loss loss_rate=0.4"), "direction": of(1, loss+" direction=upstream"),
		"toxicity": of(1, loss+" toxicity=0.5"), "trigger": of(1, loss+" at.byte=1"), "one more": of(1, loss, "corrupt"), "none": of(1),
	} {
		if other == one {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
	if of(1, loss+" seed=7") != of(2, loss+" seed=7") {
		t.Error("a toxic with its own seed makes other choices on another proxy")
	}
}
