package outcome

import "fmt"

// A Remark is what was seen of something that the target does not declare, where
// that changed the verdict or would have.
type Remark struct {
	Text    string `json:"text"`    // one sentence: what was seen
	Declare string `json:"declare"` // the line of YAML that makes it count
}

// String tells the remark in one line.
func (r Remark) String() string { return fmt.Sprintf("%s; declare %s", r.Text, r.Declare) }
