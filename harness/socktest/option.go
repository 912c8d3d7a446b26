package socktest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// An Option changes what [NewProxy], [NewServer] or [Dial] make. An option that one of
// them does not have fails the test.
type Option struct {
	name  string
	apply func(*options) error
}

// options are the values of all options.
type options struct {
	listen string
	seed   *int64
	within time.Duration
	faults []Fault
	sweep  int

	readyLog string
	tls      *tlsconn.Config // nil: as any other bytes
}

// wantTimeout is how long a verb waits for what must come. Only a test that fails
// waits that long.
const wantTimeout = 30 * time.Second

// readOptions applies the options; allowed are their names.
func readOptions(given []Option, allowed ...string) (options, error) {
	o := options{listen: "127.0.0.1:0", within: wantTimeout}
	var errs []error
	for _, option := range given {
		if option.apply == nil {
			errs = append(errs, errors.New("an option is the zero Option"))
			continue
		}
		if !slices.Contains(allowed, option.name) {
			errs = append(errs, fmt.Errorf("option %s is not one of this call, which takes %v", option.name, allowed))
			continue
		}
		if err := option.apply(&o); err != nil {
			errs = append(errs, fmt.Errorf("option %s: %w", option.name, err))
		}
	}
	return o, errors.Join(errs...)
}

// seedOrTestSeed returns the seed of the option, else that of this run of the tests.
func (o options) seedOrTestSeed() (int64, error) {
	if o.seed != nil {
		return *o.seed, nil
	}
	return testSeed()
}

// Listen sets where a proxy or a server listens: "host:port", of which port 0 is any
// free one, or "unix:/path". The default is "127.0.0.1:0".
func Listen(addr string) Option {
	return Option{"Listen", func(o *options) error {
		o.listen = addr
		return sock.CheckAddress(addr, true)
	}}
}

// Seed sets the seed of what is random in a proxy. The default is $HARNESS_SEED, else
// Ginkgo's seed, else a random one; a test that fails prints it.
func Seed(seed int64) Option {
	return Option{"Seed", func(o *options) error {
		o.seed = &seed
		return nil
	}}
}

// Within sets how long a verb of a [Peer] waits for what must come; 30 s is the
// default.
func Within(d time.Duration) Option {
	return Option{"Within", func(o *options) error {
		o.within = d
		if d <= 0 || d > math.MaxInt64/2 {
			return fmt.Errorf("must be above 0, got %v", d)
		}
		return nil
	}}
}

// Faults injects the faults before the proxy listens, which small_window needs. See
// [Proxy.Injections].
func Faults(faults ...Fault) Option {
	return Option{"Faults", func(o *options) error {
		o.faults = append(o.faults, faults...)
		return nil
	}}
}
