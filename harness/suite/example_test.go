package suite_test

import (
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/suite"
)

// A spec is green unless a variant of level must fails, or one proves nothing.
func ExampleBeGreen() {
	results := []outcome.Result{
		{Variant: "byte=3", Level: outcome.Must, Verdict: outcome.Pass},
		{Variant: "byte=4", Level: outcome.Should, Verdict: outcome.Fail},
	}
	green, err := suite.BeGreen().Match(results)
	fmt.Println(green, err)

	results = append(results, outcome.Result{Variant: "byte=5", Level: outcome.Must, Verdict: outcome.Fail})
	green, err = suite.BeGreen().Match(results)
	fmt.Println(green, err)
	// Output:
	// true <nil>
	// false <nil>
}
