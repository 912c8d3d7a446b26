package scenario

// A Topic is the scenarios of one subject.
type Topic struct {
	Name    string
	Summary string
	List    func() []Scenario
}
