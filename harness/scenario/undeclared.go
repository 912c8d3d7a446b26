package scenario

import (
	"errors"
	"fmt"

	"github.com/sockharness/harness/harness/outcome"
)

// An Undeclared is the error of an expectation, or of an act, that the target's
// declarations do not decide: it becomes a remark of the result, and no failure.
type Undeclared struct{ outcome.Remark }

// Error implements error.
func (u *Undeclared) Error() string { return u.String() }

// NewUndeclared returns the error for what was seen, with the line of YAML that
// would make it count.
func NewUndeclared(declare, format string, args ...any) error {
	return &Undeclared{outcome.Remark{Text: fmt.Sprintf(format, args...), Declare: declare}}
}

// DeclareTimeLimit is for [NewUndeclared] of a client that is still running and declares no limit.
const DeclareTimeLimit = "policies: {answer_timeout: …}, or retries: forever if it tries again without end"

// CollectRemarks returns what the expectations have to say of the observation that the
// target's declarations do not decide.
func CollectRemarks(o Observation, expectations []Expectation) []outcome.Remark {
	var remarks []outcome.Remark
	for _, e := range expectations {
		var undeclared *Undeclared
		if err := e.Check(o); errors.As(err, &undeclared) {
			remarks = append(remarks, undeclared.Remark)
		}
	}
	return remarks
}

// asFailure is err unless it is undeclared.
func asFailure(err error) error {
	if errors.As(err, new(*Undeclared)) {
		return nil
	}
	return err
}
